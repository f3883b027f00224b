"""When supervisord forks a service and when it executes an interpreter; what a forked service is given."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from chargectl.forked import CAUGHT, Doubt, padded, run_main
from chargectl.supervisor_preload import Forking, Preloaded, check_same_interpreter, check_unchanged, fingerprint
from chargectl.supervisor_preload import service_of as name_of

pytestmark = pytest.mark.unit
PYTHON = "/usr/bin/python3"
SAFETY = [PYTHON, "-P", "-m", "services.safety"]


def preloaded(files: str = "", seen: bytes | None = None) -> Preloaded:
    return Preloaded(PYTHON, {"HOME": "/h"}, files, fingerprint(files) if seen is None else seen, None, 0.1)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python -P -m services.safety", "safety"),
        ("python -P -m services.message_queue --option", "message_queue"),
        ("python -m services.hmi", "hmi"),
        ("python -P -m services", None),
        ("python -P -m services.safety.station", None),
        ("python -P -m services.Safety", None),
        ("python -P -m supervisor.supervisorctl", None),
        ("python -P -m", None),
        ("python -c services.safety", None),
        ("/bin/sleep 1", None),
        ("", None),
    ],
)
def test_only_the_services_of_a_station_are_forked(words: str, name: str | None) -> None:
    assert name_of(words.split()) == name


def test_the_variables_that_supervisord_adds_are_no_doubt() -> None:
    environment = {"HOME": "/h", "SUPERVISOR_PROCESS_NAME": "safety"}
    check_same_interpreter(preloaded(), PYTHON, [*SAFETY, "--more"], environment)


@pytest.mark.parametrize(
    ("filename", "arguments", "environment", "words"),
    [
        ("/other/python3", SAFETY, {"HOME": "/h"}, "command"),
        (PYTHON, ["python3", *SAFETY[1:]], {"HOME": "/h"}, "command"),
        (PYTHON, [PYTHON, "-m", "services.safety"], {"HOME": "/h"}, "command"),
        (PYTHON, [PYTHON, "-O", "-P", "-m", "services.safety"], {"HOME": "/h"}, "command"),
        (PYTHON, SAFETY, {"HOME": "/h", "PYTHONOPTIMIZE": "1"}, "PYTHONOPTIMIZE"),
        (PYTHON, SAFETY, {"HOME": "/elsewhere"}, "HOME"),
        (PYTHON, SAFETY, {}, "HOME"),
    ],
)
def test_whatever_could_give_another_interpreter_is_a_doubt(
    filename: str, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    with pytest.raises(Doubt, match=words):
        check_same_interpreter(preloaded(), filename, arguments, environment)


def test_a_package_that_is_replaced_removed_or_rewritten_is_a_doubt(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("1", encoding="ascii")
    two.write_text("2", encoding="ascii")
    files = f"{one}\0{two}\0"
    before = preloaded(files)
    check_unchanged(before)
    os.utime(two, ns=(1, 1))
    with pytest.raises(Doubt, match="changed on the disk"):
        check_unchanged(before)
    rewritten = preloaded(files)
    two.rename(tmp_path / "kept.py")
    with pytest.raises(Doubt):
        check_unchanged(rewritten)
    gone = preloaded(files)
    (tmp_path / "kept.py").rename(two)
    with pytest.raises(Doubt):
        check_unchanged(gone)


@pytest.mark.parametrize("length", [5, 6, 7, 40])
def test_the_shown_command_line_always_ends_with_a_nul(length: int) -> None:
    shown = padded(["ab", "cde"], length)
    assert len(shown) == length
    assert shown.endswith(b"\0")
    assert b"ab\0cde".startswith(shown.rstrip(b"\0"))


def raising(error: BaseException) -> int:
    def main() -> None:
        raise error

    return run_main(main)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(), 0),
        (SystemExit(0), 0),
        (SystemExit(78), 78),
        (SystemExit(256 + 3), 3),
        (SystemExit(-1), 255),
        (SystemExit(True), 1),
        (SystemExit("words"), 1),
        (KeyboardInterrupt(), -signal.SIGINT),
        (ValueError("a mistake"), 1),
        (GeneratorExit(), 1),
    ],
)
def test_the_exit_code_is_the_one_of_an_interpreter(error: BaseException, code: int) -> None:
    assert raising(error) == code
    assert run_main(lambda: None) == 0


class Executed(Exception):
    """A real execve does not return; this one says what it was given."""


class Options:
    """As supervisord's: a fork that finds itself in the child."""

    def fork(self) -> int:
        return 0

    def execve(self, filename: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        raise Executed(filename, list(arguments), dict(environment))


@pytest.fixture
def signals() -> Iterator[None]:
    """As they were, whatever a test does to them."""
    handlers = {number: signal.getsignal(number) for number in CAUGHT}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.mark.usefixtures("signals")
def test_any_other_program_is_executed_and_hears_every_signal_again() -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)
    forking = Forking(preloaded(), Options())
    assert forking.fork() == 0
    assert set(CAUGHT) <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(Executed) as executed:
        forking.execve("/bin/sleep", ["/bin/sleep", "1"], {"HOME": "/h"})
    assert executed.value.args == ("/bin/sleep", ["/bin/sleep", "1"], {"HOME": "/h"})
    assert not set(CAUGHT) & signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.usefixtures("signals")
def test_a_fork_that_fails_leaves_supervisord_hearing_its_signals() -> None:
    def fork() -> int:
        raise BlockingIOError

    with pytest.raises(BlockingIOError):
        Forking(preloaded(), SimpleNamespace(fork=fork, execve=None)).fork()
    assert not set(CAUGHT) & signal.pthread_sigmask(signal.SIG_BLOCK, ())
