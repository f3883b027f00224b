"""`python -m services.metering`: the meters of one station."""

import sys
from pathlib import Path

from services.home import BadStationFile
from services.metering.addresses import Address, MountedMeter, mounted_meters
from services.metering.modbus import FindAddress, ModbusLink, port_in_use
from services.metering.station import ASKS, HEARS, Metering
from services.runner import Context, Plan, run


def build(context: Context) -> Metering:
    """Raises BadStationFile for a meter that the station file describes wrongly."""
    try:
        meters = mounted_meters(context.station)
    except ValueError as error:
        raise BadStationFile(f"{context.home.station_file}: {error}") from error
    ports = context.home.run / "ports.json"
    links = {name: ModbusLink(_finder(mounted, ports), context.clock) for name, mounted in meters.items()}
    return Metering(context.bus, context.station, links)


def _finder(mounted: MountedMeter, ports: Path) -> FindAddress:
    if mounted.address is not None:
        return lambda: mounted.address
    return lambda: None if (port := port_in_use(ports)) is None else Address("127.0.0.1", port, mounted.connector)


PLAN = Plan(owner="metering", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
