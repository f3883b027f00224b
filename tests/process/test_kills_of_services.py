"""kill -9 and `supervisorctl restart` of every service, in every phase of a charge, at a real station: the car does not
notice (`safety` and `world` excepted, which open the contactor), one transaction, energy right to the watt-hour.
"""

from collections.abc import Callable

import pytest

from schemas.session import StopReason
from tests.process.driving import Driver, Status, bills_every_watt_hour_once, one_right_bill
from tests.running_station import CARD, RunningStation, wait_until

pytestmark = pytest.mark.process
MakeStation = Callable[..., RunningStation]

QUIET = ("hmi", "system", "settings", "metering", "session")
"""The car does not notice when they die."""
SERVICES = (*QUIET, "safety", "world")


def end(driver: Driver, name: str, how: str) -> None:
    """Of a process, until another one is heard in its place."""
    process = driver.station.process(name)
    if how == "kill":
        driver.station.kill(name)
    else:
        driver.restart(name)
    driver.station.wait_replaced(name, process)
    if name not in QUIET:
        driver.prefer()


def test_ten_deaths_in_one_charge_are_not_noticed_by_the_car(running_station: RunningStation) -> None:
    driver = Driver(running_station)
    driver.charge()
    driver.until_full_current()
    before, process_of_session = driver.what_the_car_noticed(), running_station.process("session")
    for how in ("kill", "restart"):
        for name in QUIET:
            end(driver, name, how)
            assert driver.what_the_car_noticed() == before, f"{how} {name}\n{running_station.logs()}"
    driver.until_status(Status.CHARGING)
    assert driver.connector()["current_a"][0] > 31.0
    assert running_station.process("session") != process_of_session
    driver.end_with_the_card()
    one_right_bill(driver, 0)


# it takes 50 s
@pytest.mark.long
def test_the_deaths_of_safety_and_of_the_hardware_only_pause_the_charge(running_station: RunningStation) -> None:
    driver = Driver(running_station)
    driver.charge()
    for name in ("safety", "world"):
        closings = driver.connector()["contactor_closings"]
        end(driver, name, "kill")
        # The hardware back after more than 0.5 s was a fault, which holds off for 30 s.
        driver.until_current_flows(seconds=75.0)
        # on a machine that is busy with other things safety may be late once more, and open once more
        assert driver.connector()["contactor_closings"] > closings
        (transaction,) = driver.transactions()
        assert transaction.stop is None
    driver.end_with_the_card()
    one_right_bill(driver, 0)


# phases


def idle(driver: Driver) -> None:
    """Nothing is plugged in."""


def authorizing(driver: Driver) -> None:
    driver.swipe_until(lambda: driver.status() is Status.PREPARING, "the card is accepted", 3.0)


def starting(driver: Driver) -> None:
    """The transaction has just begun."""
    count = len(driver.transactions())
    driver.plug_in()
    driver.until_status(Status.PREPARING)
    driver.swipe_until(lambda: len(driver.transactions()) > count, "a transaction has begun", 4.0)


def charging(driver: Driver) -> None:
    driver.charge()


def suspended(driver: Driver) -> None:
    driver.charge()
    driver.station.sim("ev_pause", connector="1")
    driver.until_status(Status.SUSPENDED_EV)


def stopping(driver: Driver) -> None:
    """The end is decided."""
    driver.charge()
    driver.swipe_until(lambda: driver.status() is Status.FINISHING, "the end is decided", 3.0)


Phase = Callable[[Driver], None]
PHASES: tuple[Phase, ...] = (idle, authorizing, starting, charging, suspended, stopping)


def charge_with_a_death(driver: Driver, name: str, how: str, phase: Phase) -> None:
    """A whole charge; checks the bill that it leaves."""
    begun_wh, count = driver.register_wh(), len(driver.transactions())
    phase(driver)
    before = driver.what_the_car_noticed() if phase is charging else None
    end(driver, name, how)
    if before is not None and name in QUIET:
        assert driver.what_the_car_noticed() == before
    if phase is suspended:
        driver.station.sim("ev_resume", connector="1")
    if phase in (idle, authorizing):
        driver.plug_in()
    if phase is idle:
        driver.until_status(Status.PREPARING)
        driver.swipe_until(lambda: len(driver.transactions()) > count, "a transaction has begun")
    if phase is stopping:
        wait_until(lambda: driver.ended(count + 1), "the transaction has ended", 45.0)
    else:
        driver.until_current_flows(seconds=75.0)
        driver.end_with_the_card(count + 1)
    last = driver.transactions()[count:]
    assert len(last) == 1
    assert last[0].stop is not None
    assert (last[0].stop.reason, last[0].id_tag) == (StopReason.LOCAL, CARD)
    bills_every_watt_hour_once(last, begun_wh, driver.register_wh())
    driver.leave()


def test_deaths_while_starting_and_stopping_leave_one_right_bill_each(
    running_station: RunningStation,
) -> None:
    driver = Driver(running_station)
    for name, how, phase in (
        ("session", "kill", starting),
        ("session", "restart", stopping),
        ("metering", "kill", stopping),
    ):
        charge_with_a_death(driver, name, how, phase)


@pytest.mark.long
@pytest.mark.parametrize("how", ["kill", "restart"])
@pytest.mark.parametrize("name", SERVICES)
def test_every_service_dies_in_every_phase(running_station: RunningStation, name: str, how: str) -> None:
    driver = Driver(running_station)
    for phase in PHASES:
        charge_with_a_death(driver, name, how, phase)
