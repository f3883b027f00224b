"""Writes what is said on the bus to a file, for `chargectl replay`. Ctrl-C ends it.

Bodies of secret topics are left out; the files are bounded in size and number.

Examples:
  chargectl record incident.rec
  chargectl record incident.rec --seconds 60 session. safety.
"""

import argparse
import math
import signal
from pathlib import Path

from bus.recorder import Recorder
from chargectl.frames import Filter, listen, recording_rule
from chargectl.output import Failure, print_json
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from services.clock import StationClock
from services.exit_codes import ExitCode

MEGABYTE = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="only what begins with this")
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="S", help="end after so long")
    parser.add_argument("--megabytes", type=float, default=64.0, metavar="M", help="size of one file (64)")
    parser.add_argument("--files", type=int, default=4, metavar="N", help="keep so many files (4)")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    wanted = Filter(arguments.topics)
    wanted.check()
    if arguments.megabytes <= 0 or arguments.files < 1:
        raise Failure("--megabytes and --files are at least one", ExitCode.USAGE)
    Supervisor(home).process_id()
    now = StationClock().now()
    end_s = now.boot_s + arguments.seconds
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: ended.append(received))
    try:
        recorder = Recorder(
            arguments.file,
            recording_rule,
            boot_s=now.boot_s,
            wall_s=now.wall_s,
            most_bytes=int(arguments.megabytes * MEGABYTE),
            files=arguments.files,
        )
        try:
            for heard_s, frame in listen(home, lambda now_s: bool(ended) or now_s >= end_s):
                if wanted.passes(frame):
                    recorder.add(heard_s, frame)
        finally:
            recorder.close()
    except OSError as error:
        raise Failure(f"cannot write {arguments.file}: {error.strerror}", ExitCode.CANNOT_WRITE) from error
    if arguments.json:
        print_json({"ok": True, "file": str(arguments.file), "entries": recorder.entries})
    else:
        print(f"{recorder.entries} messages in {arguments.file}; read them with: chargectl replay {arguments.file}")
    return int(ExitCode.OK)
