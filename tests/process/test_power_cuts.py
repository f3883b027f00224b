"""The mains fail at random instants of a driver's life at a real station: every process dies at once (SIGKILL), and
what is left on the disk is the truth. The seed is printed with a failure; `CUT_SEED=... pytest ...` plays one again.
"""

import contextlib
import os
import time
from collections.abc import Callable
from random import Random

import pytest

from chargectl.output import Failure
from schemas.session import StopReason
from tests.process.driving import Driver, bills_every_watt_hour_once, let_pass
from tests.running_station import STATION, RunningStation

pytestmark = pytest.mark.process
MakeStation = Callable[..., RunningStation]


def live(driver: Driver, random: Random, seconds: float) -> None:
    """What a driver does in this time: plugs in, holds the card to the reader, charges, ends, leaves. Whatever fails
    because the station is just starting is tried again."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        with contextlib.suppress(Failure, OSError):
            seen = driver.connector()
            if not seen["plugged"]:
                driver.plug_in()
            elif seen["current_a"][0] <= 0.0 or random.random() < 0.15:
                driver.swipe()
            elif random.random() < 0.05:
                driver.station.sim("plug_out", connector="1", force=True)
        let_pass(min(random.uniform(0.1, 1.5), max(0.0, until_s - time.monotonic())))


def cut_power(station: RunningStation) -> None:
    station.power_cut()
    assert station.processes() == []
    if station.up is not None:
        station.up.wait(10)
        if station.up.stdout is not None:
            station.up.stdout.close()


def power_cuts(station: RunningStation, cuts: int, restart: bool, seed: str) -> None:
    print(f"CUT_SEED={seed}")
    random = Random(seed)
    driver = Driver(station)
    for number in range(cuts):
        station.launch()
        live(driver, random, random.uniform(0.3, 8.0))
        cut_power(station)
        still_open = [one for one in driver.transactions() if one.meter_stop_wh is None]
        assert len(still_open) <= 1, f"after cut {number + 1}"
    station.start()
    if not driver.ended(len(driver.transactions())):
        with contextlib.suppress(AssertionError):
            driver.until_current_flows(seconds=15.0)
        driver.end_with_the_card(len(driver.transactions()))
    transactions = driver.transactions()
    assert transactions, "in all this time nobody has charged"
    bills_every_watt_hour_once(transactions, 0, driver.register_wh())
    reasons = {one.stop.reason for one in transactions if one.stop is not None}
    assert reasons <= {StopReason.LOCAL, StopReason.EV_DISCONNECTED, StopReason.POWER_LOSS}
    for one in transactions:
        assert one.stop is not None
        assert one.started_wall_s <= one.stop.wall_s <= time.time()
    print(f"{len(transactions)} transactions, {sorted(reason.value for reason in reasons)}")


def station_text(restart: bool) -> str:
    return f"{STATION}[settings]\nRestartTransAfterPowerLoss = {str(restart).lower()}\n"


@pytest.mark.parametrize(
    "restart", [pytest.param(True, id="on"), pytest.param(False, id="off", marks=pytest.mark.long)]
)
def test_five_power_cuts_at_random_instants_bill_every_watt_hour_once(make_station: MakeStation, restart: bool) -> None:
    seed = os.environ.get("CUT_SEED", f"{time.time_ns()}")
    power_cuts(make_station(text=station_text(restart)), 5, restart, seed)


@pytest.mark.long
@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("part", range(5))
def test_fifty_power_cuts_at_random_instants_bill_every_watt_hour_once(
    make_station: MakeStation, restart: bool, part: int
) -> None:
    seed = os.environ.get("CUT_SEED", f"{time.time_ns()}/{part}")
    power_cuts(make_station(text=station_text(restart)), 5, restart, seed)
