"""A simulated station charges a car, live in the terminal. Ctrl-C ends what this started, and only that.

Examples:
  chargectl demo
  chargectl demo --home my-station         keeps its home there; a station that runs there already is only shown
  chargectl demo --seconds 60              ends by itself
"""

import argparse
import math


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="S", help="end after so long")


def run(arguments: argparse.Namespace) -> int:
    from chargectl.demo.show import show

    return show(arguments)
