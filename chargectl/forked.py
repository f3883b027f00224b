"""Turns a process that supervisord forked into a service, as if it had executed `python -m services.NAME`."""

import atexit
import ctypes
import gc
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

OWN_PACKAGES = frozenset({"bus", "chargectl", "hardware", "schemas", "services"})
OWN_HERE = (
    "chargectl",
    "chargectl.forked",
    "chargectl.heap_holes",
    "chargectl.supervisor_preload",
    "chargectl.supervisor_wake",
)
"""The modules of ours that supervisord itself runs; a service that wants one reads it from the disk."""
CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2)
"""The signals for which supervisord has handlers."""
PR_SET_NAME = 15
LONGEST_NAME = 15
"""Bytes; the kernel keeps no more of a process's name."""
LONGEST_COMMAND_LINE = 128 * 1024
FLUSH_FAILED = 120
"""Python's own exit code when what was printed could not be written at the end."""


class Doubt(Exception):
    """A fork might not be the same as executing; the text says why."""


@dataclass(frozen=True)
class CommandLine:
    """The memory that /proc/PID/cmdline shows: the words with which this process was executed, each ended by a NUL."""

    start: int
    length: int

    @classmethod
    def here(cls) -> "CommandLine | None":
        """None where the kernel does not say where it is."""
        try:
            fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            start, end = int(fields[45]), int(fields[46])
            shown = Path("/proc/self/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return None
        if start == 0 or not 0 < end - start == len(shown) <= LONGEST_COMMAND_LINE:
            return None
        return cls(start, end - start) if ctypes.string_at(start, end - start) == shown else None

    def show(self, words: Sequence[str]) -> None:
        """Needs no privilege, and cuts off what does not fit; the environment behind it stays as it is."""
        ctypes.memmove(self.start, padded(words, self.length), self.length)


def padded(words: Sequence[str], length: int) -> bytes:
    """A last byte other than NUL would make the kernel show the environment behind it, too."""
    text = b"\0".join(os.fsencode(word) for word in words)
    return text[: length - 1].ljust(length, b"\0")


def become(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    mask: AbstractSet[int],
    command_line: CommandLine | None,
) -> NoReturn:
    """`arguments`: PYTHON -P -m services.NAME and more; `mask`: the signals that supervisord itself does not hear.

    Raises only as long as nothing of the service has run: an interpreter may then be executed instead.
    """
    close_descriptors()
    signal.set_wakeup_fd(-1)
    _take_environment(environment)
    module, sys.argv, sys.orig_argv = arguments[3], ["-m", *arguments[4:]], list(arguments)
    for loaded in OWN_HERE:
        sys.modules.pop(loaded, None)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:LONGEST_NAME], 0, 0, 0)
    if command_line is not None:
        command_line.show(arguments)
    # never freed: supervisord's sockets and files would close numbers that belong to the service by then
    gc.freeze()

    def main() -> None:
        hear_signals(mask)
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    leave(run_main(main))


def close_descriptors() -> None:
    """All but 0, 1, 2, as an executed program finds them; supervisord has closed those below its `minfds` already."""
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are enough
        if int(number) > 2:
            try:
                os.close(int(number))
            except OSError:
                # the listing's own descriptor
                continue


def _take_environment(environment: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def hear_signals(mask: AbstractSet[int]) -> None:
    """Handlers as in a new interpreter, then the signals that came in the meantime."""
    for number in CAUGHT:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def run_main(main: Callable[[], object]) -> int:
    """The exit code that an interpreter would give; negative: the signal that it would die of."""
    try:
        main()
    except SystemExit as end:
        return _code_of(end)
    except KeyboardInterrupt as error:
        _report(error)
        return -signal.SIGINT
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into supervisord's own stack
        _report(error)
        return 1
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _report(error: BaseException) -> None:
    """Without our own two frames."""
    traceback = error.__traceback__
    for _ in range(2):
        traceback = traceback.tb_next if traceback is not None else None
    sys.excepthook(type(error), error.with_traceback(traceback), traceback)


def leave(code: int) -> NoReturn:
    """What an interpreter does at its end, except taking itself apart: that memory is supervisord's, too."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        code = code if _flushed() else FLUSH_FAILED
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
    finally:
        os._exit(code & 0xFF)


def _flushed() -> bool:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True
