"""One process per owner: a second bind on an ipc path would succeed silently, so a lock file stands before it."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.lock import AlreadyRunning, OwnerLock, holder, is_alive, parent_of

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 10.0

# it outlives its parent: waiting for the end of a pipe to it would race with the test
HOLDER = """
import signal, sys
from pathlib import Path
from services.lock import OwnerLock

lock = OwnerLock(Path(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""
PARENT = """
import subprocess, sys

command = [sys.executable, "-c", sys.argv[2], sys.argv[1]]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.lock"


@pytest.fixture
def parent(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A supervisor with one service, which holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path), HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        word, number = process.stdout.readline().split()
        assert word == "held"
        yield process
        process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGKILL)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "not in time"
        os.sched_yield()


def test_a_second_process_is_refused_with_the_number_of_the_first(path: Path, parent: "subprocess.Popen[str]") -> None:
    process, supervisor = holder(path)
    assert supervisor == parent.pid
    with pytest.raises(AlreadyRunning, match=f"settings of this home already runs as process {process}"):
        OwnerLock(path)
    assert is_alive(process)


def test_a_lock_is_free_again_when_it_is_closed(path: Path) -> None:
    first = OwnerLock(path)
    with pytest.raises(AlreadyRunning):
        OwnerLock(path)
    first.close()
    second = OwnerLock(path)
    assert holder(path) == (os.getpid(), os.getppid())
    second.close()


def test_a_lock_is_free_again_when_its_process_was_killed(path: Path, parent: "subprocess.Popen[str]") -> None:
    process, _ = holder(path)
    os.kill(process, signal.SIGKILL)
    until(lambda: not is_alive(process))
    OwnerLock(path).close()


def test_a_service_whose_supervisor_is_gone_is_ended_and_its_lock_taken_over(
    path: Path, parent: "subprocess.Popen[str]"
) -> None:
    process, _ = holder(path)
    parent.kill()
    parent.wait(DEADLINE_S)
    assert is_alive(process)
    lock = OwnerLock(path)
    assert holder(path) == (os.getpid(), os.getppid())
    until(lambda: not is_alive(process))
    lock.close()


def test_a_supervisor_that_is_a_zombie_counts_as_gone(path: Path, parent: "subprocess.Popen[str]") -> None:
    process, _ = holder(path)
    parent.kill()
    until(lambda: not is_alive(parent.pid))
    assert Path(f"/proc/{parent.pid}").exists(), "reaped too early to be a zombie"
    OwnerLock(path).close()
    until(lambda: not is_alive(process))


def test_a_lock_that_is_held_but_not_yet_written_is_not_broken(path: Path) -> None:
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunning, match="starting"):
            OwnerLock(path)


def test_a_process_that_only_has_the_number_of_an_earlier_holder_is_left_alone(path: Path) -> None:
    """Numbers are given again: the holder has not written its own yet, the one before it is long gone."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as innocent:
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{innocent.pid} 1\n")
            file.flush()
            with pytest.raises(AlreadyRunning):
                OwnerLock(path)
        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize("content", ["", "words", "12", "12 x", "\x00\xff", "9" * 5000])
def test_a_lock_file_with_anything_in_it_is_no_obstacle(path: Path, content: str) -> None:
    path.write_text(content, encoding="latin-1")
    OwnerLock(path).close()
    assert holder(path) == (os.getpid(), os.getppid())


def test_processes_are_told_apart_from_their_remains() -> None:
    assert is_alive(os.getpid())
    assert parent_of(os.getpid()) == os.getppid()
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        until(lambda: not is_alive(child.pid))
        assert Path(f"/proc/{child.pid}").exists()
    assert (is_alive(child.pid), parent_of(child.pid)) == (False, 0)
