"""A store of a service that opens itself when it can, and knows whether the disk takes commits."""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from bus.clock import Now
from services import store_rows
from services.store import Store, StoreError

RETRY_S = 1.0
"""After a failed commit the next one is tried this much later."""
OpenStore = Callable[[], Store]


class Opening(ABC):
    """`ready` is False until it has been read: until then nothing is known of the past."""

    def __init__(self, open_store: OpenStore) -> None:
        self.trouble = ""
        """Why the last commit failed; empty when it succeeded."""
        self.replaced = ""
        """Name of the unreadable file that was set aside."""
        self.retry_s = 0.0
        """Boot clock: no commit is tried before."""
        self._open_store = open_store
        self._store: Store | None = None

    @abstractmethod
    def _read(self, store: Store) -> None:
        """Raises StoreError."""

    @property
    def ready(self) -> bool:
        return self._store is not None

    @property
    def fault_code(self) -> str:
        """The catalogue's name for `trouble`."""
        return "disk_read_only" if "readonly" in self.trouble or "read-only" in self.trouble.lower() else "disk_full"

    def may_try(self, now: Now) -> bool:
        """False for a moment after a failed commit."""
        return now.boot_s >= self.retry_s

    def open(self, now: Now) -> bool:
        """True when it is open, also from before."""
        if self._store is None and self.may_try(now):
            store: Store | None = None
            try:
                store = self._open_store()
                self._read(store)
            except (StoreError, OSError) as error:
                self._failed(error, now)
                if store is not None:
                    store.close()
                return False
            self._store = store
            self.trouble = ""
            if store.set_aside is not None:
                self.replaced = store.set_aside.name
        return self._store is not None

    def probe(self, now: Now) -> None:
        """Tries a commit that changes nothing, to learn whether the disk takes them again."""
        if self._store is not None and self.may_try(now):
            with contextlib.suppress(StoreError), self._commit(now) as connection:
                store_rows.keep_probe(connection, now.wall_s)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    @contextlib.contextmanager
    def _commit(self, now: Now) -> Iterator[sqlite3.Connection]:
        if self._store is None:
            raise StoreError("the store is not open")
        try:
            with self._store.commit() as connection:
                yield connection
        except StoreError as error:
            self._failed(error, now)
            raise
        self.trouble = ""

    def _rows(self, query: str, parameters: tuple[object, ...]) -> list[sqlite3.Row]:
        if self._store is None:
            raise StoreError("the store is not open")
        return self._store.rows(query, parameters)

    def _failed(self, error: Exception, now: Now) -> None:
        self.trouble = str(error) or type(error).__name__
        self.retry_s = now.boot_s + RETRY_S
