"""A simulated station charges a car, live in the terminal. Ctrl-C ends what this started, and only that.

It starts a small OCPP backend of its own on the loopback address; its messages are in log/backend.log of the home.

Examples:
  chargectl demo
  chargectl demo --home my-station         keeps its home there; a station that runs there already is only shown
  chargectl demo --seconds 60              ends by itself
  chargectl demo --backend wss://host/path/   a real backend; the station adds its identity (SIM-0001) to the address
  chargectl demo --backend ws://host:9000/ --card 04A1B2C3    with a card that this backend knows
  chargectl demo --no-backend              the station works alone
"""

import argparse
import math


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="S", help="end after so long")
    backend = parser.add_mutually_exclusive_group()
    backend.add_argument(
        "--backend", default="", metavar="URL", help="a real OCPP 1.6J backend instead of the demo's own"
    )
    backend.add_argument("--no-backend", action="store_true", help="no backend at all (ConnectionType No Backend)")
    parser.add_argument("--card", default="", metavar="IDTAG", help="the card that the driver has")


def run(arguments: argparse.Namespace) -> int:
    from chargectl.demo.show import show

    return show(arguments)
