"""The file of the queue: small pages, a log that does not grow, and nothing lost by beginning it anew."""

import os
import shutil
from pathlib import Path

import pytest

from bus.clock import Now
from bus.streams import Mark
from services.message_queue.rules.message import Waiting
from services.message_queue.storage.store import LOG_FRAMES, MIGRATIONS, PAGE_SIZE, QueueStore, opener
from services.store import NewerStore, Store

pytestmark = pytest.mark.virtual

NOW = Now(10.0, 1_800_000_000.0)


def opened(path: Path) -> QueueStore:
    store = QueueStore(opener(path), "start", lambda: "stream-of-the-queue")
    assert store.open(NOW)
    return store


def queue(store: QueueStore, numbers: range) -> None:
    for number in numbers:
        message = Waiting(position=0, message_id=f"m{number}", action="StartTransaction", queued_wall_s=1.0)
        store.take(NOW, Mark("s", number), message, "x" * 400)


def test_the_log_is_as_long_at_the_start_as_it_ever_gets(tmp_path: Path) -> None:
    store = opened(tmp_path / "queue.db")
    log = tmp_path / "queue.db-wal"
    before = log.stat().st_size
    assert before >= LOG_FRAMES * (PAGE_SIZE + 24)
    queue(store, range(1, 700))
    assert log.stat().st_size <= before + 20 * (PAGE_SIZE + 24)
    assert store._rows("PRAGMA page_size", ())[0][0] == PAGE_SIZE
    store.close()


def test_a_file_that_was_left_in_the_middle_is_read_whole_again_and_again(tmp_path: Path) -> None:
    """As after kill -9: file and log are copied while the store is open."""
    store = opened(tmp_path / "queue.db")
    for generation in range(1, 6):
        queue(store, range(generation * 10, generation * 10 + 10))
        home = tmp_path / str(generation)
        home.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy2(f"{store._store.path}{suffix}", home / f"queue.db{suffix}")  # type: ignore[union-attr]
        store.close()
        store = opened(home / "queue.db")
        assert list(store.waiting) == [f"m{number}" for number in range(10, generation * 10 + 10)]
        assert store.marks["s"].number == generation * 10 + 9
        assert store.payload(store.waiting["m10"]) == "x" * 400
    store.close()


def test_a_disk_without_room_for_a_long_log_is_no_obstacle_to_reading(tmp_path: Path) -> None:
    store = opened(tmp_path / "queue.db")
    queue(store, range(1, 4))
    store.close()
    child = os.fork()
    if child == 0:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = QueueStore(opener(tmp_path / "queue.db"), "start", lambda: "unused")
        opens = store.open(NOW)
        os._exit(0 if opens and list(store.waiting) == ["m1", "m2", "m3"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "queue.db", (*MIGRATIONS, "CREATE TABLE later (x)")).close()
    with pytest.raises(NewerStore, match="update the software"):
        opened(tmp_path / "queue.db")
