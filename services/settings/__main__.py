"""Runs the service: `python -m services.settings`."""

import sys

from services.home import BadStationFile
from services.runner import Context, Plan, path_of_store, run
from services.settings.factory import check_station
from services.settings.station import ASKS, HEARS, Settings
from services.settings.store import SettingsStore


def build(context: Context) -> Settings:
    """Raises BadStationFile when the section `[settings]` cannot be used."""
    file = context.home.station_file
    wrong = check_station(context.station, file.read_text(encoding="utf-8"), str(file))
    if wrong:
        raise BadStationFile("; ".join(wrong))
    store = SettingsStore(path_of_store(context, "settings"))
    return Settings(context.bus, station=context.station, store=store, start_id=context.start_id)


PLAN = Plan(owner="settings", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
