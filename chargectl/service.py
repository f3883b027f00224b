"""One service: restart, stop, start, or kill -9 it. Charging goes on (only `safety` opens the contactor meanwhile).

Examples:
  chargectl service restart session
  chargectl service kill metering              as a crash would; supervisord starts it again at once
"""

import argparse
import time

from chargectl.output import Failure, print_json
from chargectl.station import existing_home
from chargectl.supervisor import Program, Supervisor
from services.exit_codes import ExitCode

BACK_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("restart", "stop", "start", "kill"))
    parser.add_argument("name")


def run(arguments: argparse.Namespace) -> int:
    supervisor = Supervisor(existing_home(arguments))
    before = program(supervisor, arguments.name)
    act(supervisor, arguments.action, before)
    if arguments.action == "stop" or (arguments.action == "start" and before.pid):
        after = program(supervisor, arguments.name)
    else:
        after = _back(supervisor, arguments.name, before)
    if arguments.json:
        print_json({"ok": True, "name": after.name, "state": after.state, "pid": after.pid})
    else:
        print(f"{after.name}: {after.state.lower()}" + (f", process {after.pid}" if after.pid else ""))
    return int(ExitCode.OK)


def act(supervisor: Supervisor, action: str, before: Program) -> None:
    if action in ("restart", "stop"):
        supervisor.stop(before.name)
    if action in ("restart", "start"):
        supervisor.start(before.name)
    if action == "kill":
        if not before.pid:
            raise Failure(f"{before.name} has no process to kill ({before.state})", ExitCode.NOT_RUNNING)
        supervisor.signal(before.name, "KILL")


def program(supervisor: Supervisor, name: str) -> Program:
    """Raises Failure for a name that supervisord does not know."""
    programs = {each.name: each for each in supervisor.programs()}
    if name not in programs:
        raise Failure(f"there is no service {name!r}; services: {', '.join(programs)}", ExitCode.USAGE)
    return programs[name]


def _back(supervisor: Supervisor, name: str, before: Program) -> Program:
    """Waits for its new process. Raises Failure when none comes."""
    deadline_s = time.monotonic() + BACK_S
    while time.monotonic() < deadline_s:
        now = program(supervisor, name)
        if now.pid and now.pid != before.pid:
            return now
        time.sleep(0.02)
    raise Failure(f"{name} does not come back; see: chargectl log tail {name}")
