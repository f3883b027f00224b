"""Runs the service: `python -m services.ocpp_link`."""

import sys

from services.ocpp_link import tls
from services.ocpp_link.memory import MemoryFile
from services.ocpp_link.station import ASKS, HEARS, OcppLink
from services.ocpp_link.uplink import UplinkFile
from services.ocpp_link.websocket import WebSocketConnection
from services.runner import Context, Plan, run

AUTHORITY = "backend_ca.pem"
"""In the station's `data/`: the installed CA. While it is there, it replaces the system's CAs."""


def build(context: Context) -> OcppLink:
    return OcppLink(
        context.bus,
        about=context.station.station,
        start_id=context.start_id,
        connection=WebSocketConnection(context.home.data / AUTHORITY),
        uplink=UplinkFile(context.home.run),
        memory=MemoryFile(context.home.run / "ocpp_link.json"),
        wrong_with=tls.wrong_with,
    )


PLAN = Plan(owner="ocpp_link", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
