"""What a reboot needs of supervisord."""

from pathlib import Path
from typing import Protocol

from services.system.supervisor_error import SupervisorError

SHUTDOWN_STATE = 6
"""supervisor.xmlrpc.Faults.SHUTDOWN_STATE: it is ending already."""


class Supervisor(Protocol):
    def check(self) -> None:
        """Raises SupervisorError when a shutdown could not be asked for."""

    def shutdown(self) -> None:
        """Ends every service and supervisord itself; returns before that. Raises SupervisorError."""


class Supervisord:
    """`path`: its Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> None:
        self._ask("getState")

    def shutdown(self) -> None:
        try:
            self._ask("shutdown")
        except SupervisorError as error:
            if error.code != SHUTDOWN_STATE:
                raise

    def _ask(self, method: str) -> None:
        # XML-RPC takes some MB of memory, and only a reboot needs it.
        from services.system.rpc import call

        call(self._path, method)
