"""The power goes: everything of a station stops at once, without a last word."""

from chargectl.output import Failure, print_json
from chargectl.station import place, process_of_up, processes_of
from chargectl.up import kill_all
from services.exit_codes import ExitCode
from services.home import Home


def cut(home: Home, *, as_json: bool = False) -> int:
    """SIGKILL for supervisord first, then for every process of this station; returns when none runs."""
    running = processes_of(home)
    up = process_of_up(home)
    if not running and not up:
        raise Failure(f"nothing of {home.root} is running", ExitCode.NOT_RUNNING)
    kill_all(home, supervisord_of(home, running), up)
    if as_json:
        print_json({"ok": True, "killed": len(running) + (1 if up else 0)})
    else:
        print(f"the power is cut; start the station again with: chargectl up {place(home)}")
    return int(ExitCode.OK)


def supervisord_of(home: Home, running: list[int]) -> int:
    """Its process, checked against what really runs (the file may be older than the process); 0 = none."""
    try:
        process = int((home.run / "supervisord.pid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    return process if process in running else 0
