"""Listens to the bus and prints what is said, decoded. Ctrl-C ends it. Bodies of secret topics are hidden.

Examples:
  chargectl tap                          everything
  chargectl tap session. safety.connector/1
  chargectl tap --count 10 --json        ten messages, one JSON object per line
  chargectl tap --rate                   messages per second of each topic
"""

import argparse
import math
from collections import Counter

from bus.recorder import topic_of
from chargectl.frames import Filter, as_json, as_line, as_raw, listen
from chargectl.output import print_json, table
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from services.clock import StationClock
from services.exit_codes import ExitCode

RATE_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="only what begins with this; TOPIC/KEY is allowed")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N messages")
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="S", help="end after so long")
    parser.add_argument("--raw", action="store_true", help="topic and bytes in hexadecimal")
    parser.add_argument("--rate", action="store_true", help=f"count for {RATE_S:g} s, print messages per second")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    wanted = Filter(arguments.topics)
    wanted.check()
    Supervisor(home).process_id()
    seconds = min(arguments.seconds, RATE_S) if arguments.rate else arguments.seconds
    begun_s = StationClock().now().boot_s
    rates: Counter[str] = Counter()
    shown = 0
    for heard_s, frame in listen(home, lambda now_s: now_s >= begun_s + seconds):
        if not wanted.passes(frame):
            continue
        if arguments.rate:
            rates[topic_of(frame)] += 1
            continue
        if arguments.json:
            print_json(as_json(frame, heard_s))
        else:
            print(as_raw(frame) if arguments.raw else as_line(frame), flush=True)
        shown += 1
        if shown == arguments.count:
            break
    if arguments.rate:
        _print_rates({name: count / seconds for name, count in rates.most_common()}, arguments.json)
    return int(ExitCode.OK)


def _print_rates(rates: dict[str, float], as_json_text: bool) -> None:
    if as_json_text:
        print_json(rates)
    else:
        print(table([(name, f"{rate:.1f}") for name, rate in rates.items()], ("topic", "per second")))
