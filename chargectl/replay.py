"""Reads a file of `chargectl record` and prints what was said. Needs no station.

Examples:
  chargectl replay incident.rec session.connector/1
  chargectl replay incident.rec --speed 1      as fast as it happened (10 = ten times as fast)
"""

import argparse
import time
from pathlib import Path

from bus.recorder import RecordError, read_all
from chargectl.frames import Filter, as_json, as_line, as_raw, check_readable
from chargectl.output import Failure, print_json
from services.exit_codes import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="only what begins with this; TOPIC/KEY is allowed")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N messages")
    parser.add_argument("--raw", action="store_true", help="topic and bytes in hexadecimal")
    parser.add_argument("--speed", type=float, default=0.0, metavar="X", help="with its pauses, X times as fast")


def run(arguments: argparse.Namespace) -> int:
    check_readable(arguments.file)
    wanted = Filter(arguments.topics)
    shown = 0
    before_s: float | None = None
    try:
        for entry in read_all(arguments.file):
            if not wanted.passes(entry.frame):
                continue
            if arguments.speed > 0 and before_s is not None:
                time.sleep(max(0.0, entry.boot_s - before_s) / arguments.speed)
            before_s = entry.boot_s
            if arguments.json:
                print_json(as_json(entry.frame, entry.boot_s))
            else:
                print(as_raw(entry.frame) if arguments.raw else as_line(entry.frame))
            shown += 1
            if shown == arguments.count:
                break
    except RecordError as error:
        raise Failure(str(error), ExitCode.BAD_CONFIGURATION) from error
    except OSError as error:
        raise Failure(f"cannot read {arguments.file}: {error.strerror}") from error
    return int(ExitCode.OK)
