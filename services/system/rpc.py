"""One XML-RPC call to supervisord over its Unix socket."""

import http.client
import socket
import xml.parsers.expat
import xmlrpc.client
from pathlib import Path
from typing import Any

from services.system.supervisor_error import SupervisorError

PATIENCE_S = 3.0


def call(path: Path, method: str) -> None:
    """Calls `supervisor.<method>()`. Raises SupervisorError."""
    transport = _UnixTransport(path)
    proxy = xmlrpc.client.ServerProxy("http://supervisord", transport=transport)
    try:
        getattr(proxy.supervisor, method)()
    except xmlrpc.client.Fault as fault:
        raise SupervisorError(f"supervisord refused {method}: {fault.faultString}", fault.faultCode) from fault
    except (OSError, http.client.HTTPException) as error:
        raise SupervisorError(f"cannot reach supervisord at {path}: {error}") from error
    except (xmlrpc.client.Error, xml.parsers.expat.ExpatError, ValueError) as error:
        raise SupervisorError(f"what answers at {path} is not supervisord: {error}") from error
    finally:
        transport.close()


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        del host
        return _UnixConnection(self._path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("supervisord", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))
