"""Runs the station in the foreground, under supervisord. Ctrl-C (or SIGTERM) ends it cleanly.

A reboot of the station (`system` asks for it) restarts everything from here, with a new start id.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import sysconfig
import time
from typing import IO

from chargectl.output import Failure, print_json
from chargectl.station import CONFIGURATION as CONFIGURATION
from chargectl.station import code_of, existing_home, lock_path, place, process_of_up, processes_of
from chargectl.station_check import check_home
from schemas.system import BootReason
from services.endings import read_ending, write_ending
from services.exit_codes import ExitCode
from services.home import BadHome, Home
from services.lock import is_alive

STOP_S = 45.0
"""supervisord gives each service 5 s; after this the rest is killed."""
PROBE_BYTES = 64 * 1024
PR_SET_PDEATHSIG = 1
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    station = check_home(home)
    lock = _prepare(home)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        if arguments.json:
            print_json({"ok": True, "home": str(home.root), "pid": os.getpid()})
        else:
            print(f"station {station.station.serial} runs in {home.root}; Ctrl-C ends it", flush=True)
            print(f"look at it from another terminal: chargectl status {place(home)}", flush=True)
        return _run_until_ended(home, station.station.board == "simulated")
    finally:
        with contextlib.suppress(OSError):
            home.remove_short_link()
        lock.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _prepare(home: Home) -> IO[str]:
    """Directories, room on the disk, and the lock of this home. Raises Failure."""
    try:
        home.make_directories()
        home.socket_directory()
        probe = home.data / ".room"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
        file = lock_path(home).open("a+", encoding="ascii")
    except BadHome as error:
        raise Failure(str(error), code_of(error)) from error
    except OSError as error:
        raise Failure(
            f"cannot write to {home.root}: {error.strerror}. A station needs a few MB of room there: "
            "make some, or choose another home.",
            ExitCode.CANNOT_WRITE,
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Failure(
            f"this station runs already (process {process_of_up(home)}). Look at it with: chargectl status "
            f"{place(home)}; or choose another home for a second station.",
            ExitCode.ALREADY_RUNNING,
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _run_until_ended(home: Home, simulated: bool) -> int:
    while True:
        before = read_ending(home)
        tree = _start(home, simulated)
        if _wait(home, tree):
            return int(ExitCode.OK)
        ending = read_ending(home)
        if ending == before:
            ending = None
        if ending is not None and ending.again:
            print(f"the station restarts: {ending.reason}", flush=True)
            continue
        return _ended_by_itself(home, tree.returncode, announced=ending is not None)


def _start(home: Home, simulated: bool) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "CHARGE_HOME": str(home.root),
        "CHARGE_RUN": str(home.socket_directory()),
        "CHARGE_PYTHON": sys.executable,
        "CHARGE_START_ID": new_start_id(),
        "CHARGE_SIMULATED": "true" if simulated else "false",
        "PYTHONUNBUFFERED": "1",
    }
    root = str(CONFIGURATION.parent.parent)
    if root != sysconfig.get_path("purelib"):
        environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)],
            env=environment,
            cwd=home.root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    except OSError as error:
        raise Failure(f"cannot start supervisord: {error}") from error


def new_start_id() -> str:
    from bus.ids import id_source
    from services.clock import StationClock

    return id_source(StationClock())()


def end_with_parent() -> None:
    """Run in a child before its program: it ends when its parent does, and hears signals again."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _wait(home: Home, tree: "subprocess.Popen[bytes]") -> bool:
    """Until supervisord has ended; whether a person wanted it."""
    deadline_s = float("inf")
    while tree.poll() is None:
        wait_s = min(3600.0, deadline_s - time.monotonic())
        if wait_s <= 0:
            print("some services do not end; killing them", file=sys.stderr, flush=True)
            kill_all(home, tree.pid)
            tree.wait()
            break
        received = signal.sigtimedwait(SIGNALS, wait_s)
        if received is not None and received.si_signo != signal.SIGCHLD:
            if deadline_s == float("inf"):
                deadline_s = time.monotonic() + STOP_S
                _announce(home, signal.Signals(received.si_signo).name)
            tree.terminate()
    return deadline_s < float("inf")


def _announce(home: Home, signal_name: str) -> None:
    """The next start shall know that this was no power loss; a full disk does not keep the station from ending."""
    print("ending the station", flush=True)
    try:
        write_ending(home, BootReason.SHUTDOWN, f"chargectl up was ended by {signal_name}")
    except OSError as error:
        print(f"cannot note the reason of this end ({error}); the next start will take it for a power loss", flush=True)


def _ended_by_itself(home: Home, code: int, *, announced: bool) -> int:
    if code == 0:
        if not announced:
            with contextlib.suppress(OSError):
                write_ending(home, BootReason.SHUTDOWN, "supervisord was told to shut down")
        return int(ExitCode.OK)
    kill_all(home, 0)
    raise Failure(
        f"supervisord ended unexpectedly ({_how(code)}); its services are ended too. "
        f"See {home.log / 'supervisord.log'}, then start again: chargectl up {place(home)}"
    )


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def kill_all(home: Home, supervisord: int, up: int = 0) -> None:
    """SIGKILL for supervisord first, then `chargectl up` and every process of this home; returns when none runs."""
    order = [process for process in (supervisord, up) if process]
    order += [process for process in processes_of(home) if process not in order]
    while order:
        for process in order:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.002)
        order = processes_of(home) + ([up] if up and is_alive(up) else [])
