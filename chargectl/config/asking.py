"""What the commands ask of a running station's `settings`."""

import json
from typing import Any

from bus.topics import SETTINGS_EXPLAIN, SETTINGS_LIVE, SETTINGS_VALUES
from chargectl.bus_client import BusClient
from chargectl.output import Failure
from chargectl.supervisor import Supervisor
from schemas.settings import ExplainRequest, SettingsSnapshot
from services.exit_codes import ExitCode
from services.home import Home
from services.settings.names import Addressed, address, unknown

HEARD_S = 3.0
Layers = dict[str, dict[str, Any]]
"""By place; as of `schemas/settings.py` ExplainRequest."""


def layers(home: Home, keys: tuple[str, ...] = ()) -> Layers:
    """Raises Failure."""
    Supervisor(home).process_id()
    with BusClient(home, asks=(SETTINGS_EXPLAIN,)) as client:
        told: Layers = json.loads(client.ask(SETTINGS_EXPLAIN, ExplainRequest, keys=keys).values["places"])
    return told


def present(home: Home) -> tuple[SettingsSnapshot, dict[str, str]]:
    """The snapshot, and the keys that show the present state. Raises Failure."""
    Supervisor(home).process_id()
    topics = (SETTINGS_VALUES, SETTINGS_LIVE)
    with BusClient(home, hears=topics) as client:
        client.wait_for([(topic, "") for topic in topics], HEARD_S)
        snapshot = client.bus.latest(SETTINGS_VALUES).body
        shown = client.bus.latest(SETTINGS_LIVE).body
    if snapshot is None:
        raise Failure("settings does not say its values; is it up? See: chargectl status", ExitCode.NOT_RUNNING)
    return snapshot, dict(shown.values) if shown is not None else {}


def known(name: str, connector: int = 0) -> Addressed:
    """Raises Failure for a key that there is not."""
    found = address(name, connector)
    if found is None:
        raise Failure(unknown(name), ExitCode.USAGE)
    return found
