"""A small OCPP 1.6J backend for trying things out: accepts stations, shows every message, takes commands.

It keeps nothing and checks no passwords: for a laptop, never for the internet. It listens on the loopback address.

Examples:
  chargectl backend                        listens on any free port and says which
  chargectl backend --port 9000
  chargectl config set OCPPBackendJSONURL ws://127.0.0.1:9000/ --home my-station

Commands at its prompt: help shows them.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--port-file", default="", metavar="FILE", help="write the port here once it listens")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after so long (default: never)")


def run(arguments: argparse.Namespace) -> int:
    from chargectl.backend.server import serve

    return serve(arguments)
