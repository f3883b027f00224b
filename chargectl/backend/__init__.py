"""A small OCPP 1.6J backend for trying things out: accepts stations, shows every message, takes commands.

It keeps nothing and checks no passwords: for a laptop, never for the internet. It listens on the loopback address.

Examples:
  chargectl backend                        listens on any free port and says which
  chargectl backend --port 9000
  chargectl config set OCPPBackendJSONURL ws://127.0.0.1:9000/ --home my-station
  chargectl backend send start TAG 1       tells a backend that runs elsewhere (--home or --socket says which)

Commands, at its prompt or after `send`. To the station, which answers:
  start IDTAG [CONNECTOR]        RemoteStartTransaction
  stop TRANSACTION               RemoteStopTransaction, by the number this backend gave
  unlock CONNECTOR               UnlockConnector
  reset [soft|hard]              Reset
  get [KEY ...]                  GetConfiguration
  set KEY VALUE                  ChangeConfiguration
  trigger MESSAGE [CONNECTOR]    TriggerMessage
  available CONNECTOR            ChangeAvailability to Operative; 0 = the whole station
  unavailable CONNECTOR          ChangeAvailability to Inoperative
  cache                          ClearCache
  data VENDOR [MESSAGE [TEXT]]   DataTransfer
To this backend itself:
  block IDTAG                    answer Blocked to this id tag from now on
  allow IDTAG                    accept it again
  silent [SECONDS]               answer nothing, for 30 s or so long
  drop                           close the connection; the station comes back
  help, quit

Exit code of `send`: 0 done, 3 no backend there, 4 the station or the backend refuses, 1 it did not answer.
"""

import argparse
from pathlib import Path

from chargectl.output import Failure
from chargectl.station import home_of
from services.exit_codes import ExitCode
from services.home import BadHome, Home

SOCKET = "backend.sock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--port-file", default="", metavar="FILE", help="write the port here once it listens")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after so long (default: never)")
    where = f"the Unix socket for `send` (default: run/{SOCKET} of the station)"
    parser.add_argument("--socket", type=Path, metavar="FILE", help=where)
    actions = parser.add_subparsers(dest="action", metavar="send")
    send = actions.add_parser("send", help="pass a command to a backend that runs already")
    send.add_argument("words", nargs="*", metavar="WORD", help="the command (none: help)")
    send.add_argument("--socket", type=Path, metavar="FILE", default=argparse.SUPPRESS, help=where)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "send":
        from chargectl.backend.command_socket import send

        socket = arguments.socket or socket_of(home_of(arguments))
        return send(socket, arguments.words or ["help"], as_json=arguments.json)
    from chargectl.backend.server import serve

    if arguments.socket is None and arguments.home and Home(arguments.home).run.is_dir():
        arguments.socket = socket_of(Home(arguments.home))
    return serve(arguments)


def socket_of(home: Home) -> Path:
    """Where the backend of this station takes commands. Raises Failure."""
    try:
        return home.socket_directory() / SOCKET
    except BadHome as error:
        raise Failure(str(error), ExitCode.CANNOT_WRITE) from error
