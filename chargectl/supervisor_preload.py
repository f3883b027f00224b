"""A plug-in for supervisord: services are forked from it instead of executing a new interpreter each.

supervisord imports once what services need of the standard library and of other packages, never a module of ours: a
restarted service runs the code that is on disk then. A fork shares that memory and has nothing of it to import. Every
other program is executed as always, and so is a service whenever anything is in doubt: its log then names the reason.
See docs/decisions/0007-services-are-forked-from-one-parent.md.

Named in `supervisord.conf` as [rpcinterface:preload]; it offers no remote calls.
"""

import gc
import hashlib
import importlib
import io
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from chargectl import heap_holes
from chargectl.forked import CAUGHT, OWN_PACKAGES, CommandLine, Doubt, become, hear_signals

MODULES = (
    "array", "base64", "contextlib", "copy", "ctypes", "dataclasses", "datetime", "decimal", "enum", "fcntl", "hashlib",
    "heapq", "ipaddress", "json", "logging", "pathlib", "platform", "queue", "random", "runpy", "select", "selectors",
    "signal", "socket", "sqlite3", "ssl", "string", "struct", "tempfile", "threading", "tomllib", "typing",
    "urllib.parse", "uuid", "zlib", "msgspec", "zmq",
)  # fmt: skip
"""What at least two services import. What only one needs would be shared by all, and make each of them larger."""
SWITCH = "CHARGE_PRELOAD"
"""In the environment of `chargectl up`; "0": every service executes an interpreter of its own. For debugging."""
OPTIONS = ["-P", "-m"]
"""How supervisord was started and how a service is: one interpreter with other options is another one."""
SERVICE = re.compile(r"services\.[a-z][a-z0-9_]*")
ADDED_BY_SUPERVISORD = "SUPERVISOR_"


@dataclass(frozen=True)
class Preloaded:
    """What supervisord is at the moment it has imported everything."""

    interpreter: str
    environment: dict[str, str]
    """As supervisord hands it to every program, before it adds its own variables."""
    files: str
    """Of every imported module, a NUL after each: one object, because what supervisord touches between two forks is
    copied, and the copies are no longer shared."""
    fingerprint: bytes
    command_line: CommandLine | None
    took_s: float
    filling: tuple[object, ...] = ()
    """Of the heap's holes: never freed."""


def service_of(arguments: Sequence[str]) -> str | None:
    """NAME of `PYTHON ... -m services.NAME ...`; None for any other program."""
    if "-m" not in arguments[:-1]:
        return None
    module = arguments[arguments.index("-m") + 1]
    return module.partition(".")[2] if SERVICE.fullmatch(module) else None


def check_same_interpreter(
    preloaded: Preloaded, filename: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Raises Doubt when executing it could give another interpreter than the one that runs here."""
    if [filename, *arguments[:3]] != [preloaded.interpreter, preloaded.interpreter, *OPTIONS]:
        raise Doubt(f"its command does not begin with {' '.join([preloaded.interpreter, *OPTIONS])}")
    given = {name: value for name, value in environment.items() if not name.startswith(ADDED_BY_SUPERVISORD)}
    ours = {name: value for name, value in preloaded.environment.items() if not name.startswith(ADDED_BY_SUPERVISORD)}
    if given != ours:
        names = sorted(name for name in given.keys() | ours.keys() if given.get(name) != ours.get(name))
        raise Doubt(f"its environment differs from supervisord's in {', '.join(names[:5])}")


def check_unchanged(preloaded: Preloaded) -> None:
    """Raises Doubt when a package has been replaced on disk since it was imported."""
    if fingerprint(preloaded.files) != preloaded.fingerprint:
        raise Doubt("packages have been changed on the disk since this station was started")


def fingerprint(files: str) -> bytes:
    """Of when each file was written last, its size and its inode. `files`: paths, a NUL after each."""
    digest = hashlib.blake2b()
    start = 0
    # one path at a time: a list of them would fill holes all over the shared memory
    while (end := files.find("\0", start)) >= 0:
        path, start = files[start:end], end + 1
        try:
            found = os.stat(path)  # noqa: PTH116 - hundreds of files at every start of a service
        except OSError:
            digest.update(b"gone;")
        else:
            digest.update(b"%d %d %d;" % (found.st_mtime_ns, found.st_size, found.st_ino))
    return digest.digest()


def check_one_thread() -> None:
    """Raises Doubt: a fork takes one thread with it, and the locks that the others held stay locked for ever."""
    count = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
    if count != 1:
        raise Doubt(f"supervisord has {count} threads")


@cache
def preload() -> Preloaded:
    """Imports once; a supervisord that is told to reload gets what it has. Raises Doubt, ImportError, OSError."""
    began_s = time.monotonic()
    if sys.orig_argv[1:3] != OPTIONS or sys.orig_argv[0] != sys.executable:
        raise Doubt(f"supervisord itself was not started as {' '.join([sys.executable, *OPTIONS])} ...")
    if not all(isinstance(stream, io.TextIOWrapper) for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Doubt("supervisord has no standard input or output")
    for name in MODULES:
        importlib.import_module(name)
    own = sorted(name for name in sys.modules if name.partition(".")[0] in OWN_PACKAGES - {"chargectl"})
    if own:
        raise Doubt(f"modules of ours must not be imported here: {', '.join(own[:5])}")
    check_one_thread()
    paths = {str(getattr(module, "__file__", None) or sys.executable) for module in list(sys.modules.values())}
    files = "".join(f"{path}\0" for path in sorted(paths))
    command_line, seen = CommandLine.here(), fingerprint(files)
    # what is frozen is never visited by a child's collector, which would write to it and so copy it
    gc.collect()
    filling = heap_holes.fill()
    gc.freeze()
    return Preloaded(sys.executable, dict(os.environ), files, seen, command_line, time.monotonic() - began_s, filling)


class Forking:
    """Stands for `fork` and `execve` of supervisord's options."""

    def __init__(self, preloaded: Preloaded, options: Any) -> None:
        self._preloaded = preloaded
        self._fork: Callable[[], int] = options.fork
        self._execve: Callable[[str, Sequence[str], Mapping[str, str]], None] = options.execve
        self._mask: set[int] = set()
        self._doubt: Exception | None = None

    def fork(self) -> int:
        """In the child signals wait until it has handlers of its own: supervisord's would swallow a SIGTERM."""
        self._doubt = None
        try:
            check_one_thread()
            check_unchanged(self._preloaded)
        except (Doubt, OSError) as doubt:
            self._doubt = doubt
        sys.stdout.flush()
        sys.stderr.flush()
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT))
        process = -1
        try:
            process = self._fork()
        finally:
            if process != 0:
                signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return process

    def execve(self, filename: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Called in the child when descriptors, process group, user, directory and umask are set. Does not return
        when the program was started; raises OSError."""
        name = service_of(arguments)
        if name is not None:
            try:
                if self._doubt is not None:
                    raise self._doubt
                check_same_interpreter(self._preloaded, filename, arguments, environment)
                become(name, arguments, environment, self._mask, self._preloaded.command_line)
            except Exception as doubt:  # noqa: BLE001 - whatever it is, nothing of the service has run yet
                os.write(2, f"{name} executes an interpreter of its own: {doubt}\n".encode(errors="replace"))
        hear_signals(self._mask)
        self._execve(filename, arguments, environment)


class _NoCalls:
    """supervisord wants an object whose methods it can offer; there are none."""


def make_interface(supervisord: Any, **_config: str) -> _NoCalls:
    options = supervisord.options
    if os.environ.get(SWITCH) == "0":
        options.logger.info(f"{SWITCH}=0: every service executes an interpreter of its own")
        return _NoCalls()
    try:
        preloaded = preload()
    except Exception as error:  # noqa: BLE001 - a plug-in that raises would end supervisord
        options.logger.warn(f"every service executes an interpreter of its own: {type(error).__name__}: {error}")
        return _NoCalls()
    if not isinstance(getattr(options.execve, "__self__", None), Forking):
        forking = Forking(preloaded, options)
        options.fork, options.execve = forking.fork, forking.execve
        count, milliseconds = preloaded.files.count("\0"), round(1000 * preloaded.took_s)
        options.logger.info(f"services are forked from this process: {count} files imported in {milliseconds} ms")
    return _NoCalls()
