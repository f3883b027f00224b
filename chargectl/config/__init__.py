"""Configuration keys of the station, by their OCPP names (in any case).

Examples:
  chargectl config get                                  all values
  chargectl config get OperatorCurrentLimit
  chargectl config set OperatorCurrentLimit 16
  chargectl config set backend-host csms.example backend-port 443 ocpp-protocol wss://
  chargectl config set "Type2PlugLifetime[2]" 10000     of connector 2 (or --connector 2)
  chargectl config diff                                 what is not as delivered
  chargectl config explain FreeCharging                 type, range, default, what it does, and its values here
  chargectl config search current limit
  chargectl config export > settings.json
  chargectl config set CableAttached true --confirm     a safety relevant key asks for it
  chargectl config import settings.json --check
  chargectl config reset OperatorCurrentLimit
  chargectl config history OperatorCurrentLimit         who changed it, when, from where
"""

import argparse

from services.exit_codes import ExitCode

ACTIONS = "get|set|diff|explain|search|export|import|reset|history|schema"
ROLES = ("user", "operator", "installer", "manufacturer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar=ACTIONS)
    get = actions.add_parser("get", help="present values")
    get.add_argument("keys", nargs="*", metavar="KEY")
    get.add_argument("--connector", type=int, default=0, metavar="N", help="the value that holds for this connector")
    change = actions.add_parser("set", help="change values, several together as one set")
    change.add_argument("words", nargs="+", metavar="KEY VALUE", help="VALUE - is read from standard input")
    change.add_argument("--connector", type=int, default=0, metavar="N")
    diff = actions.add_parser("diff", help="what is not as delivered, or not as in a file")
    diff.add_argument("--against", metavar="FILE", help="a file made by export")
    explain = actions.add_parser("explain", help="everything about a key")
    explain.add_argument("key", metavar="KEY")
    find_key = actions.add_parser("search", help="find a key by words in its name, label or help")
    find_key.add_argument("words", nargs="*", metavar="WORD")
    export = actions.add_parser("export", help="a file of all values that can be set")
    export.add_argument("file", nargs="?", metavar="FILE", help="default: standard output")
    take = actions.add_parser("import", help="set what a file says: all of it, or nothing")
    take.add_argument("file", metavar="FILE", help="- = standard input")
    take.add_argument("--skip-unknown", action="store_true", help="leave out keys that this station does not know")
    reset = actions.add_parser("reset", help="back to the factory value")
    reset.add_argument("keys", nargs="*", metavar="KEY")
    reset.add_argument("--all", action="store_true", help="every key that was ever set; needs --yes")
    reset.add_argument("--yes", action="store_true")
    for changing in (change, take, reset):
        changing.add_argument("--check", action="store_true", help="only say what would happen")
        changing.add_argument(
            "--confirm", action="store_true", help="what safety relevant keys ask to be confirmed is so"
        )
        changing.add_argument("--role", choices=ROLES, default="manufacturer", help="judge as for this role")
    history = actions.add_parser("history", help="who changed what, when and from where")
    history.add_argument("key", nargs="?", default="", metavar="KEY")
    history.add_argument("--most", type=int, default=50, metavar="N", help="lines (default: 50)")
    actions.add_parser("schema", help="JSON Schema of the file of settings")


def run(arguments: argparse.Namespace) -> int:
    from chargectl.config import changing, looking

    action = {
        "get": looking.get,
        "diff": looking.diff,
        "explain": looking.explain,
        "search": looking.search_keys,
        "export": looking.export,
        "history": looking.history,
        "schema": looking.print_schema,
        "set": changing.change,
        "import": changing.take_file,
        "reset": changing.reset,
    }[arguments.action]
    action(arguments)
    return int(ExitCode.OK)
