"""The mains fail at any event of a charge, with and without `RestartTransAfterPowerLoss`: facts without a hole, one
Started and one Stopped per transaction, and every watt-hour billed once.
"""

from pathlib import Path
from random import Random

import pytest

from schemas.session import StopReason
from schemas.system import BootReason
from tests.virtual.charging_station import CARD, ChargingStation, Cut, Status

pytestmark = pytest.mark.virtual

BEGUN_WH = 7000
EVENTS = 320
"""At least as many are in one charge."""


def station_for(tmp_path: Path, restart: bool) -> ChargingStation:
    station = ChargingStation(tmp_path, power=False, RestartTransAfterPowerLoss=str(restart).lower())
    station.site.meter("connector.1", energy_wh=BEGUN_WH + 0.5)
    station.power_up()
    station.until_heard()
    station.advance(2.0)
    return station


def all_ended(station: ChargingStation) -> bool:
    return all(bill.stopped is not None for bill in station.bills())


def charge(station: ChargingStation) -> None:
    """Plug in, card, some energy, card."""
    station.plug_in()
    station.advance(0.5)
    station.swipe(CARD)
    station.until_current_flows()
    station.advance(3.0)
    station.swipe(CARD)
    station.until_ended()
    station.advance(1.0)


def come_back(station: ChargingStation) -> None:
    """Mains are back; whoever still charges ends it with the card, and leaves."""
    station.power_up()
    station.until_heard()
    station.advance(5.0)
    if not all_ended(station):
        station.until(lambda: station.flows() or all_ended(station), within_s=60.0)
    if not all_ended(station):
        station.advance(2.0)
        station.swipe_until(lambda: all_ended(station))
    station.advance(2.0)
    if station.site.connectors[1].car is not None:
        station.unplug()
    station.until_status(Status.AVAILABLE)


def every_watt_hour_is_billed_once(station: ChargingStation) -> None:
    """Energy flows only within transactions, and every stop was measured: sums are exact."""
    bills = station.bills()
    register_wh = BEGUN_WH
    for bill in bills:
        assert bill.stopped is not None
        assert bill.started.meter_start_wh == register_wh
        assert bill.stopped.meter_stop_measured
        register_wh = bill.stopped.meter_stop_wh
    assert register_wh == station.register_wh()
    assert station.fault_codes() == []


def cut_and_check(tmp_path: Path, event: int, restart: bool, random: Random) -> bool:
    """True: the charge was hit."""
    station = station_for(tmp_path, restart)
    station.cut_at = station.events + event
    cut_s: float | None = None
    try:
        charge(station)
    except Cut:
        cut_s = station.clock.boot_s
        cut_wall_s = station.clock.now().wall_s
        station.power_cut()
        station.advance(random.choice((0.02, 0.3, 5.0)))
    else:
        station.cut_at = None
        return False
    before = station.register_wh()
    come_back(station)
    every_watt_hour_is_billed_once(station)
    assert len(station.bills()) <= 1, "nobody held a second card to the reader"
    for bill in station.bills():
        assert bill.stopped is not None
        if bill.stopped.reason is StopReason.POWER_LOSS:
            assert not restart
            assert bill.started.started_wall_s <= bill.stopped.stopped_wall_s <= cut_wall_s
            assert bill.stopped.meter_stop_wh in (before, station.register_wh())
        else:
            assert bill.stopped.reason is StopReason.LOCAL
    assert cut_s is not None
    return True


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("sample", range(40))
def test_a_power_cut_at_some_event_bills_every_watt_hour_once(tmp_path: Path, sample: int, restart: bool) -> None:
    """The seed is the number in the test's name."""
    random = Random(f"power cut/{sample}/{restart}")
    assert cut_and_check(tmp_path, random.randint(1, EVENTS), restart, random), "the charge was over before"


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_fact_that_was_stored_but_not_said_is_said_after_the_power_cut(
    tmp_path: Path, number: int, restart: bool
) -> None:
    station = station_for(tmp_path, restart)
    facts = 0

    def cut_instead(_owner: str, frame: bytes) -> None:
        nonlocal facts
        if frame.startswith(b"session.fact\0"):
            facts += 1
            if facts == number:
                raise Cut

    station.hub.taps.insert(0, cut_instead)
    with pytest.raises(Cut):
        charge(station)
    station.power_cut()
    come_back(station)
    every_watt_hour_is_billed_once(station)
    assert len(station.bills()) == 1


@pytest.mark.long
@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
def test_a_power_cut_at_every_event_bills_every_watt_hour_once(tmp_path: Path, restart: bool) -> None:
    event = 1
    while cut_and_check(tmp_path / str(event), event, restart, Random(f"every power cut/{event}/{restart}")):
        event += 1
    assert event > 300, "a charge has more events than that"


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("sample", range(6))
def test_several_power_cuts_in_a_row_bill_every_watt_hour_once(tmp_path: Path, sample: int, restart: bool) -> None:
    """Also cuts in the middle of the recovery from the cut before."""
    random = Random(f"power cuts/{sample}/{restart}")
    station = station_for(tmp_path, restart)
    station.cut_at = station.events + random.randint(100, EVENTS)
    try:
        charge(station)
    except Cut:
        station.power_cut()
    for _ in range(4):
        station.cut_at = station.events + random.randint(1, 150)
        try:
            station.power_up()
            station.advance(20.0)
        except Cut:
            pass
        station.power_cut()
    come_back(station)
    every_watt_hour_is_billed_once(station)
    assert len(station.bills()) <= 1


def test_without_the_key_the_transaction_ends_at_the_last_sign_of_life_with_the_register_of_now(
    tmp_path: Path,
) -> None:
    station = station_for(tmp_path, restart=False)
    station.charge()
    started_wall_s = station.bill().started.started_wall_s
    station.advance(70.0)
    station.power_cut()
    station.advance(600.0)
    flowed_wh = station.register_wh()
    station.power_up()
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.id_tag) == (StopReason.POWER_LOSS, "")
    assert stopped.stopped_wall_s == pytest.approx(started_wall_s + 60.0, abs=1.5)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (flowed_wh, True)
    station.advance(10.0)
    assert station.status() is Status.PREPARING
    station.swipe(CARD)
    station.until_current_flows()
    assert len(station.bills()) == 2


@pytest.mark.parametrize("fields", [{"serial": 4711}, {"backwards_wh": 3000.0}])
@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
def test_another_meter_or_one_that_went_back_while_dark_does_not_continue_the_bill(
    tmp_path: Path, fields: dict[str, float], restart: bool
) -> None:
    station = station_for(tmp_path, restart)
    station.charge()
    station.advance(65.0)
    station.power_cut()
    station.advance(30.0)
    before_wh = station.register_wh()
    station.site.meter("connector.1", **fields)
    station.power_up()
    station.until_ended(within_s=90.0)
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_measured) == (StopReason.POWER_LOSS, False)
    assert BEGUN_WH < stopped.meter_stop_wh <= before_wh
    assert not station.connector().contactor.closed


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
def test_a_vehicle_that_left_while_it_was_dark_ends_its_transaction(tmp_path: Path, restart: bool) -> None:
    station = station_for(tmp_path, restart)
    station.charge()
    station.advance(5.0)
    station.power_cut()
    station.advance(2.0)
    station.unplug()
    station.advance(60.0)
    station.power_up()
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_wh) == (StopReason.POWER_LOSS, station.register_wh())
    station.until_status(Status.AVAILABLE)


def test_a_decided_end_keeps_its_reason_and_time_through_a_power_cut(tmp_path: Path) -> None:
    station = station_for(tmp_path, restart=True)
    station.charge()
    station.advance(5.0)
    station.swipe(CARD)
    station.until_status(Status.FINISHING)
    decided_wall_s = station.clock.now().wall_s
    station.power_cut()
    station.advance(300.0)
    station.power_up()
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.id_tag) == (StopReason.LOCAL, CARD)
    assert stopped.stopped_wall_s == pytest.approx(decided_wall_s, abs=0.1)
    assert stopped.meter_stop_wh == station.register_wh()


@pytest.mark.parametrize(
    ("ending", "reason"), [(BootReason.SHUTDOWN, StopReason.REBOOT), (None, StopReason.POWER_LOSS)]
)
def test_the_reason_of_the_stop_tells_a_shutdown_from_a_power_loss(
    tmp_path: Path, ending: BootReason | None, reason: StopReason
) -> None:
    station = station_for(tmp_path, restart=False)
    station.charge()
    station.advance(3.0)
    if ending is None:
        station.power_cut()
    else:
        station.shut_down()
    station.advance(5.0)
    station.power_up()
    station.until_ended()
    assert station.bill().stopped.reason is reason  # type: ignore[union-attr]
    every_watt_hour_is_billed_once(station)
