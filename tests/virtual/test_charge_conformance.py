"""The normal life of a connector on the whole station: how a charge begins, is paused, ends, and what everyone sees."""

from pathlib import Path

import pytest

from bus.topics import SESSION_START_TRANSACTION, SESSION_STOP_TRANSACTION, SETTINGS_LIVE
from schemas.base import Answer
from schemas.hmi import LightPattern
from schemas.safety import Contactor, Lock, PilotState
from schemas.session import LimitSource, StartTransactionRequest, StopReason, StopTransactionRequest
from tests.virtual.charging_station import CARD, OTHER_CARD, ChargingStation, Status

pytestmark = pytest.mark.virtual

Light = LightPattern
TO_CHARGING = [Status.PREPARING, Status.CHARGING]
"""What comes between while contactor and vehicle get ready is over within 2 s and not told."""
"""The vehicle is there; permission, but no offer yet; offered; it asks, the contactor closes; closed."""


def ends_in_order(station: ChargingStation, reason: StopReason, id_tag: str, begun_wh: int = 0) -> None:
    """One transaction, from the register before to the register after, to the watt-hour."""
    station.until_ended()
    started, stopped = station.bill()
    assert stopped is not None
    assert (started.connector, started.meter_start_wh) == (1, begun_wh)
    assert (stopped.reason, stopped.id_tag) == (reason, id_tag)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (station.register_wh(), True)
    assert not station.connector().contactor.closed


# beginning


def test_plug_first_then_card_charges_and_the_same_card_ends_it(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, power=False)
    station.site.meter("connector.1", energy_wh=123_456.7)
    station.power_up()
    station.until_heard()
    station.plug_in()
    station.advance(3.0)
    assert (station.status(), station.light()) == (Status.PREPARING, Light.WAITING_FOR_CARD)
    station.swipe(CARD)
    station.until_current_flows()
    station.advance(12.0)
    shown_wh = station.session(1).energy_wh
    assert shown_wh is not None
    assert 0 <= station.register_wh() - 123_456 - shown_wh <= 7, "at most as old as one reading"
    assert station.session(1).reason == ""
    assert station.locked()
    station.swipe(CARD)
    ends_in_order(station, StopReason.LOCAL, CARD, begun_wh=123_456)
    station.until(lambda: station.safety(1).lock is Lock.UNLOCKED, within_s=3.0)
    station.unplug(force=False)
    station.until_status(Status.AVAILABLE)
    station.advance(1.0)
    assert station.statuses() == [Status.AVAILABLE, *TO_CHARGING, Status.FINISHING, Status.AVAILABLE]
    assert station.lights()[1:] == [
        Light.READY, Light.WAITING_FOR_CARD, Light.SUSPENDED, Light.CHARGING, Light.FINISHING, Light.READY,
    ]  # fmt: skip


def test_card_first_then_plug_charges_and_another_card_does_not_end_it(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.swipe(CARD)
    station.advance(5.0)
    assert (station.status(), station.light()) == (Status.PREPARING, Light.WAITING_FOR_VEHICLE)
    station.plug_in()
    station.until_current_flows()
    assert station.bill().started.id_tag == CARD
    station.swipe(OTHER_CARD)
    station.advance(2.0)
    assert (station.status(), station.light()) == (Status.CHARGING, Light.REJECTED)
    station.advance(3.0)
    assert station.light() is Light.CHARGING
    station.swipe(CARD)
    ends_in_order(station, StopReason.LOCAL, CARD)


def test_a_card_that_nobody_knows_is_refused_in_all_colours_and_no_power_flows(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.plug_in()
    station.advance(1.0)
    station.swipe("STRANGER")
    station.until(lambda: station.light() is Light.REJECTED, within_s=0.3)
    station.advance(10.0)
    assert (station.status(), station.light()) == (Status.PREPARING, Light.WAITING_FOR_CARD)
    assert station.bills() == []
    assert station.connector().contactor.closings == 0


def test_the_connection_time_out_ends_a_waiting_card_at_its_second(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, ConnectionTimeOut="20")
    station.swipe(CARD)
    station.until_status(Status.PREPARING)
    waited_s = station.until_status(Status.AVAILABLE, within_s=25.0)
    assert waited_s == pytest.approx(20.0, abs=0.3)
    station.plug_in()
    station.advance(8.0)
    assert (station.status(), station.bills()) == (Status.PREPARING, [])


def test_free_charging_begins_by_plugging_in_and_never_asks_for_a_card(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, FreeCharging="true")
    station.plug_in()
    station.until_current_flows()
    assert station.bill().started.id_tag == "FREE"
    assert Light.WAITING_FOR_CARD not in station.lights()
    station.advance(5.0)
    station.unplug(cable_stays=True)
    ends_in_order(station, StopReason.EV_DISCONNECTED, "")
    station.until_status(Status.AVAILABLE)


def test_a_command_begins_and_a_command_ends_a_transaction(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.plug_in()
    station.advance(1.0)
    expires_s = station.clock.boot_s + 5.0
    begin = StartTransactionRequest(request_id=station.new_id(), expires_s=expires_s, connector=1, id_tag=CARD)
    assert station.ask(SESSION_START_TRANSACTION, begin).outcome is Answer.ACCEPTED
    station.until_current_flows()
    end = StopTransactionRequest(
        request_id=station.new_id(),
        expires_s=station.clock.boot_s + 5.0,
        transaction_id=station.bill().started.transaction_id,
        reason=StopReason.REMOTE,
    )
    assert station.ask(SESSION_STOP_TRANSACTION, end).outcome is Answer.ACCEPTED
    ends_in_order(station, StopReason.REMOTE, "")
    again = StopTransactionRequest(request_id=station.new_id(), expires_s=station.clock.boot_s + 5.0, connector=1)
    assert station.ask(SESSION_STOP_TRANSACTION, again).outcome is Answer.REJECTED
    assert station.status() is Status.FINISHING


# ending by unplugging


@pytest.mark.parametrize("unlock", ["true", "false"])
def test_unplugging_at_the_vehicle_ends_the_transaction_and_the_key_says_who_keeps_the_cable(
    tmp_path: Path, unlock: str
) -> None:
    station = ChargingStation(tmp_path, UnlockConnectorOnEVSideDisconnect=unlock)
    station.charge()
    station.advance(8.0)
    station.unplug(cable_stays=True)
    ends_in_order(station, StopReason.EV_DISCONNECTED, "")
    if unlock == "true":
        station.until(lambda: station.safety(1).lock is Lock.UNLOCKED, within_s=3.0)
        station.until_status(Status.AVAILABLE)
    else:
        station.advance(20.0)
        assert (station.status(), station.safety(1).lock) == (Status.FINISHING, Lock.LOCKED)
        assert "hold the card" in station.session(1).reason
        station.swipe(OTHER_CARD)
        station.advance(3.0)
        assert station.safety(1).lock is Lock.LOCKED
        station.swipe(CARD)
        station.until(lambda: station.safety(1).lock is Lock.UNLOCKED, within_s=3.0)
    station.site.plug_out(1)
    station.until_status(Status.AVAILABLE)
    assert len(station.bills()) == 1


@pytest.mark.parametrize("unlock", ["true", "false"])
def test_a_transaction_that_outlives_the_unplugging_goes_on_when_the_vehicle_is_back(
    tmp_path: Path, unlock: str
) -> None:
    station = ChargingStation(
        tmp_path, StopTransactionOnEVSideDisconnect="false", UnlockConnectorOnEVSideDisconnect=unlock
    )
    station.charge()
    station.advance(6.0)
    station.unplug(cable_stays=True)
    station.until(lambda: not station.connector().contactor.closed, within_s=0.1)
    station.advance(30.0)
    assert (station.status(), station.safety(1).lock) == (Status.SUSPENDED_EV, Lock.LOCKED)
    assert station.bill().stopped is None
    station.plug_in()
    station.until_current_flows()
    station.advance(6.0)
    station.swipe(CARD)
    ends_in_order(station, StopReason.LOCAL, CARD)


def test_a_fixed_cable_has_no_lock_and_ends_with_the_unplugging(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, fields='cable = "fixed"')
    station.charge()
    assert station.safety(1).lock is Lock.NONE
    station.advance(5.0)
    station.unplug()
    ends_in_order(station, StopReason.EV_DISCONNECTED, "")
    station.until_status(Status.AVAILABLE)


def test_a_fault_that_needs_an_unplug_ends_the_transaction_and_is_shown_everywhere(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.charge()
    station.advance(5.0)
    station.fault("diode")
    station.until_status(Status.FAULTED)
    ends_in_order(station, StopReason.OTHER, "")
    station.advance(1.0)
    assert (station.light(), station.session(1).error_code) == (Light.FAULT, "EVCommunicationError")
    live = station.last(SETTINGS_LIVE).values
    assert live["ErrorsList"].startswith("02-01-003 Vehicle diode check failed - tamper detection (connector 1)")
    assert "Unplug the vehicle" in live["ErrorResolution"]
    station.fault("diode", on=False)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    station.advance(2.0)
    live = station.last(SETTINGS_LIVE).values
    assert live["ErrorsList"] == ""
    assert "Vehicle diode check failed - tamper detection resolved" in live["EventsList"]
    assert station.fault_codes() == []


# suspended, limits


def test_a_car_that_pauses_and_goes_on_stays_in_one_transaction(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.charge()
    station.advance(6.0)
    paused_from = len(station.said)
    station.site.ev_pause(1)
    opened_s = station.until(lambda: not station.connector().contactor.closed, within_s=0.2)
    assert opened_s <= 0.1
    station.advance(8.0)
    assert (station.status(), station.light()) == (Status.SUSPENDED_EV, Light.SUSPENDED)
    assert station.session(1).reason == "waiting for the vehicle"
    station.site.ev_resume(1)
    station.until_current_flows()
    assert station.statuses(since=paused_from)[-1] is Status.CHARGING
    assert Status.FINISHING not in station.statuses()
    station.swipe(CARD)
    ends_in_order(station, StopReason.LOCAL, CARD)


def test_a_limit_below_6_a_pauses_names_itself_and_goes_on_when_it_rises(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.charge()
    assert (station.session(1).limit_source, station.session(1).limit_a) == (LimitSource.HARDWARE, 32.0)
    assert station.set_key("OperatorCurrentLimit", "5") is Answer.ACCEPTED
    assert station.safety(1).offered_a == 0.0
    station.until(lambda: not station.connector().contactor.closed, within_s=6.1)
    assert station.status() is Status.SUSPENDED_EVSE
    assert station.session(1).reason == "paused: operator limit of 5 A is below 6 A"
    assert station.session(1).limit_source is LimitSource.OPERATOR
    station.advance(10.0)
    assert station.light() is Light.SUSPENDED
    station.set_key("OperatorCurrentLimit", "16")
    station.until_current_flows()
    station.advance(7.0)
    assert (station.session(1).limit_a, station.session(1).limit_source) == (16.0, LimitSource.OPERATOR)
    assert 15.9 <= station.current_a() <= 16.0
    assert station.last(SETTINGS_LIVE).values["SignaledCurrentLimit"] == "16"
    station.swipe(CARD)
    ends_in_order(station, StopReason.LOCAL, CARD)


def test_a_thin_cable_bounds_the_current_and_is_named(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.plug_in(cable_a=13)
    station.swipe(CARD)
    station.until_current_flows()
    station.advance(7.0)
    assert (station.session(1).limit_a, station.session(1).limit_source) == (13.0, LimitSource.CABLE)
    assert 12.9 <= station.current_a() <= 13.0


def test_a_new_hardware_limit_waits_for_the_next_start_of_the_station(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    assert station.set_key("HardwareCurrentLimit", "10") is Answer.REBOOT_REQUIRED
    station.charge()
    assert station.session(1).limit_a == 32.0
    station.swipe(CARD)
    station.until_ended()
    station.shut_down()
    station.power_up()
    station.until_heard()
    station.advance(1.0)
    station.swipe(CARD)
    station.until_current_flows()
    station.advance(7.0)
    assert (station.session(1).limit_a, station.session(1).limit_source) == (10.0, LimitSource.HARDWARE)
    assert 9.9 <= station.current_a() <= 10.0


# several


def test_two_connectors_charge_by_themselves_and_are_billed_by_their_own_meters(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path, connectors=2)
    station.charge(1)
    station.plug_in(2, max_current_a=16.0)
    station.advance(1.0)
    station.swipe(OTHER_CARD)
    station.until_current_flows(2)
    station.advance(8.0)
    assert station.status(1) is Status.CHARGING
    station.swipe(OTHER_CARD)
    station.until_ended()
    assert station.status(1) is Status.CHARGING
    assert station.status(2) is Status.FINISHING
    station.advance(3.0)
    station.swipe(CARD)
    station.until_ended(2)
    for bill in station.bills():
        assert bill.stopped is not None
        assert bill.stopped.meter_stop_wh == station.register_wh(bill.started.connector) > 0
    assert station.register_wh(1) > station.register_wh(2)


def test_the_socket_key_tells_plug_lock_and_power(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.advance(1.0)
    words = [station.last(SETTINGS_LIVE).values["SocketType2State"]]
    for step in (station.plug_in, lambda: station.swipe(CARD), lambda: station.swipe(CARD), station.unplug):
        step()
        station.advance(8.0)
        words.append(station.last(SETTINGS_LIVE).values["SocketType2State"])
    assert words == [
        "empty, unlocked",
        "vehicle connected, unlocked",
        "vehicle connected, power on, locked",
        "vehicle connected, unlocked",
        "empty, unlocked",
    ]


def test_before_the_contactor_closes_the_start_of_the_transaction_is_stored(tmp_path: Path) -> None:
    station = ChargingStation(tmp_path)
    station.plug_in()
    station.advance(1.0)
    station.swipe(CARD)
    station.until(lambda: bool(station.bills()), within_s=5.0)
    assert station.connector().contactor.closings == 0
    assert station.safety(1).contactor is Contactor.OPEN
    assert station.safety(1).state is PilotState.B1
    assert not station.connector().contactor.coil
