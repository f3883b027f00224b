"""A service's SQLite file: durable commits, forward migrations, and clear words for whatever is wrong with it."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from services.store_errors import NewerStore as NewerStore
from services.store_errors import StoreError as StoreError

PAGE_SIZE = 1024


class Store:
    """WAL and synchronous=FULL: a commit that returned has reached the disk.

    `page_size`: bytes, of a file that is begun now: what one commit writes at least. `log_frames`: pages that the
    write-ahead log has room for from the start: commits that do not make it longer are quicker.
    `migrations`: SQL scripts, one per version, applied in order; a copy of the file is kept before each upgrade.
    An unreadable file is set aside (`set_aside` names it) and an empty one begun: the owner raises an event for it.
    Raises NewerStore, and StoreError when the file can neither be opened nor begun.
    """

    def __init__(
        self, path: Path, migrations: Sequence[str], *, page_size: int = PAGE_SIZE, log_frames: int = 0
    ) -> None:
        self.path = path
        self._page_size = page_size
        self._log_frames = log_frames
        self.set_aside: Path | None = None
        try:
            self._connection = self._open(migrations)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(f"cannot open {path}: {error}") from error
            self.set_aside = self._move_away()
            try:
                self._connection = self._open(migrations)
            except sqlite3.Error as again:
                raise StoreError(f"cannot begin {path} anew: {again}") from again

    @contextlib.contextmanager
    def commit(self) -> Iterator[sqlite3.Connection]:
        """One commit: all of it is kept or nothing. Raises StoreError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreError(f"{self.path.name}: {error}") from error
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"{self.path.name}: {error}") from error
            raise

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Raises StoreError."""
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path.name}: {error}") from error

    def close(self) -> None:
        self._connection.close()

    def _open(self, migrations: Sequence[str]) -> sqlite3.Connection:
        existed = self.path.exists()
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=2.0)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute(f"PRAGMA page_size = {self._page_size}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
            self._migrate(connection, migrations, existed)
            self._lengthen_log(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection, migrations: Sequence[str], existed: bool) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            raise NewerStore(
                f"{self.path} has version {version}, this software knows {len(migrations)}: "
                f"update the software, or move the file away (its content is then not used)"
            )
        for number in range(version, len(migrations)):
            if existed and version > 0:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                # imported here: bz2 and lzma come with it, and copies are rare
                import shutil

                shutil.copy2(self.path, self.path.with_name(f"{self.path.name}.version-{number}"))
            script = f"BEGIN IMMEDIATE; {migrations[number]}; PRAGMA user_version = {number + 1}; COMMIT;"
            connection.executescript(script)

    def _lengthen_log(self, connection: sqlite3.Connection) -> None:
        """Writes as many pages as wanted, brings them to the disk, and begins the log anew, over them.

        What was in the log before is in the file, and on the disk, before the first of them is written.
        """
        if not self._log_frames:
            return
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA synchronous = OFF")
            for _ in range(self._log_frames):
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except sqlite3.OperationalError:
            # The disk is full: the file can be read all the same, and the first commit says so.
            connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")

    def _move_away(self) -> Path:
        for number in range(1, 1000):
            target = self.path.with_name(f"{self.path.name}.unreadable-{number}")
            if not target.exists():
                break
        for suffix in ("-wal", "-shm"):
            companion = self.path.with_name(self.path.name + suffix)
            if companion.exists():
                companion.rename(target.with_name(target.name + suffix))
        self.path.rename(target)
        return target
