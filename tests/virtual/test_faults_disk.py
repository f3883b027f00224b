"""A disk that takes nothing more, on the whole station: the car that charges goes on, nothing new begins, everybody is
told why, and what was decided meanwhile is stored as soon as it can be.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from schemas.base import Answer
from schemas.session import StopReason
from services.store import Store, StoreError
from tests.virtual.charging_station import CARD, ChargingStation, Status

pytestmark = pytest.mark.virtual


def stores(station: ChargingStation) -> list[Store]:
    """Of every service that runs."""
    found = [each for each in gc.get_objects() if isinstance(each, Store)]
    return [store for store in found if store.path.is_relative_to(station.home.data)]


@contextmanager
def read_only(station: ChargingStation) -> Iterator[None]:
    """SQLite refuses every write, in the words of a read-only disk."""
    refusing = stores(station)
    assert {"session.db", "settings.db", "system.db"} <= {store.path.name for store in refusing}
    for store in refusing:
        store.rows("PRAGMA query_only = ON")
    yield
    for store in refusing:
        with suppress(StoreError):  # its service was killed
            store.rows("PRAGMA query_only = OFF")


def test_while_nothing_can_be_stored_the_car_goes_on_and_is_billed_when_it_can(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.charge()
    station.advance(6.0)
    station.watch_current()
    with read_only(station):
        station.advance(65.0)
        assert "disk_read_only" in station.fault_codes()
        assert station.status() is Status.CHARGING
        assert station.least_a is not None
        assert station.least_a > 20.0
        assert station.set_key("ConnectionTimeOut", "33") is Answer.REJECTED
        station.swipe(CARD)
        station.until_open(within_s=7.0)
        decided_wall_s = station.clock.now().wall_s
        station.advance(30.0)
        assert station.bill().stopped is None
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_wh) == (StopReason.LOCAL, station.register_wh())
    assert stopped.stopped_wall_s == pytest.approx(decided_wall_s, abs=4.0), "the time of the card, not of the disk"
    station.until(lambda: station.fault_codes() == [], within_s=15.0)
    edges = [edge.raised for edge in station.edges("disk_read_only", owner="session", connector=0)]
    assert edges == [True, False]


def test_while_nothing_can_be_stored_no_transaction_begins_and_no_power_flows(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.advance(1.0)
    with read_only(station):
        station.plug_in()
        station.advance(1.0)
        station.swipe(CARD)
        station.advance(12.0)
        assert (station.status(), station.bills()) == (Status.PREPARING, [])
        assert station.connector().contactor.closings == 0
        assert "readonly" in station.session(1).reason
    station.advance(8.0)
    station.swipe_until(lambda: station.flows())
    assert len(station.bills()) == 1


def test_a_kill_while_nothing_can_be_stored_loses_no_watt_hour(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.charge()
    with read_only(station):
        station.advance(20.0)
        station.kill("session")
    station.start("session")
    station.advance(5.0)
    station.swipe(CARD)
    station.until_ended()
    assert station.bill().energy_wh == station.register_wh()
