"""supervisord with the plug-ins and one small service, which looks at itself and reports what it finds."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from chargectl.forked import OWN_PACKAGES
from chargectl.supervisor import Supervisor
from services.home import Home
from tests.running_station import ROOT, environment, wait_until

CONFIGURATION = """\
[supervisord]
nodaemon=true
silent=true
logfile={home}/supervisord.log
pidfile={home}/pid
minfds=5
[unix_http_server]
file={home}/run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:wake]
supervisor.rpcinterface_factory=chargectl.supervisor_wake:make_interface
[rpcinterface:preload]
supervisor.rpcinterface_factory=chargectl.supervisor_preload:make_interface
"""
PROGRAM = """\
[program:{name}]
command="{python}" {command}
autostart={autostart}
autorestart={autorestart}
startsecs=0
redirect_stderr=true
stdout_logfile={home}/{name}.out
umask=027
environment={environment}
"""
EXECUTED = 'EXECUTED="yes"'
"""An environment of its own: such a service executes an interpreter."""
PROBE = """\
import atexit, ctypes, gc, json, os, signal, stat, sys, threading, time
from pathlib import Path

def report():
    waits = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    return {
        "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp() == os.getpid(),
        "environment": dict(os.environ), "shown by env": subprocess_environment(),
        "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": repr(sys.flags),
        "main": [__name__, __spec__.name, __file__, sys.modules["__main__"].__dict__ is globals()],
        "directory": os.getcwd(), "umask": os.umask(0o077),
        "descriptors": [int(each) for each in os.listdir("/proc/self/fd") if is_open(int(each))],
        "kinds": [stat.S_IFMT(os.fstat(each).st_mode) for each in (0, 1, 2)],
        "streams": {name: [each.fileno(), each.encoding, each.errors, each.write_through, each.name, each.mode]
                    for name, each in streams.items()},
        "signals": {str(each): str(signal.getsignal(each)) for each in sorted(signal.valid_signals())},
        "mask": sorted(waits), "wakeup": signal.set_wakeup_fd(-1),
        "threads": [each.name for each in threading.enumerate()], "tasks": len(os.listdir("/proc/self/task")),
        "main thread": threading.current_thread() is threading.main_thread(), "gc": gc.isenabled(),
        "ours": sorted(each for each in sys.modules if each.partition(".")[0] in {ours}),
        "command line": Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").decode(),
        "name": Path("/proc/self/comm").read_text().strip(), "version": VERSION,
    }

def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

def subprocess_environment():
    import subprocess
    shown = subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines()
    return sorted(each for each in shown if not each.startswith(("_=", "SUPERVISOR", "EXECUTED")))

VERSION = "first"
ends = {
    "returns": lambda: None,
    "exit 3": lambda: sys.exit(3),
    "exit with words": lambda: sys.exit("some words"),
    "raises": lambda: 1 / 0,
    "interrupted": lambda: signal.raise_signal(signal.SIGINT),
    "terminated": lambda: signal.raise_signal(signal.SIGTERM),
    "broken memory": lambda: ctypes.string_at(1),
    "late words": lambda: (atexit.register(lambda: print("at the end", end="")), threading.Thread(target=late).start()),
}

def late():
    threading.main_thread().join()
    print("from a thread", end=" ")

if __name__ == "__main__":
    end = ends.get(sys.argv[2].replace("_", " "))
    if end:
        end()
    else:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
        Path(sys.argv[1] + ".new").write_text(json.dumps(report()))
        os.rename(sys.argv[1] + ".new", sys.argv[1])
        while True:
            signal.pause()
"""


class Tree:
    """supervisord with the plug-ins and services of its own, `services.probe`, below `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.supervisor = Supervisor(Home(home))
        self.code = home / "code"
        self.probe = self.code / "services" / "probe" / "__main__.py"
        self.probe.parent.mkdir(parents=True)
        (home / "run").mkdir()
        Home(home).socket_directory()  # makes the short link that a long path needs
        for package in (self.probe.parent, self.probe.parent.parent):
            (package / "__init__.py").touch()
        self.configuration = home / "supervisord-with-a-name-so-long-that-the-words-of-a-service-find-room.conf"
        self.write(PROBE)
        self._text = CONFIGURATION.format(home=home)

    def write(self, code: str) -> None:
        self.probe.write_text(code.replace("{ours}", repr(set(OWN_PACKAGES))), encoding="utf-8")

    def add(self, name: str, does: str = "lives", options: str = "-P -m", own_environment: str = "") -> None:
        self._text += PROGRAM.format(
            name=name,
            python=sys.executable,
            command=f"{options} services.probe {self.home}/{name}.json {does.replace(' ', '_')}",
            autostart="true",
            autorestart=str(does == "lives").lower(),
            home=self.home,
            environment=own_environment,
        )

    def start(self, **more: str) -> None:
        (self.configuration).write_text(self._text, encoding="utf-8")
        path = os.pathsep.join([str(self.code), str(ROOT)])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(self.configuration)],
            env={**environment(), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
        )

    def end(self) -> None:
        """At once: supervisord takes a second for every program it stops."""
        self.process.kill()
        self.process.wait(20)
        for process in re.findall(r"with pid (\d+)", self.own_log):
            with contextlib.suppress(OSError):
                if os.fsencode(self.home) in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(int(process), signal.SIGKILL)

    def report(self, name: str, not_of: int = 0) -> dict[str, Any]:
        """What the service found, once another process than `not_of` has written it."""
        file, found = self.home / f"{name}.json", {"pid": not_of}

        def written() -> bool:
            if file.exists():
                found.update(json.loads(file.read_text(encoding="utf-8")))
            return found["pid"] != not_of

        wait_until(written, f"{name} reports: {self.log(name)}")
        return found

    def log(self, name: str) -> str:
        file = self.home / f"{name}.out"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    @property
    def own_log(self) -> str:
        file = self.home / "supervisord.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""
