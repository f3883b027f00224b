"""The real session service through whole charges: how they start, stop, pause, and what is said about it."""

from pathlib import Path

import pytest

from bus.topics import FAULTS
from schemas.base import Answer
from schemas.metering import Quality
from schemas.safety import PilotState
from schemas.session import LimitSource, StopReason
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual


@pytest.fixture
def cell(tmp_path: Path) -> SessionCell:
    cell = make_cell(tmp_path)
    cell.advance(1.0)
    return cell


def charging(cell: SessionCell, for_s: float = 30.0) -> SessionCell:
    cell.plug()
    cell.swipe()
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.advance(for_s)
    return cell


def ended(cell: SessionCell, within_s: float = 5.0) -> None:
    cell.until(lambda: len(cell.stopped()) == len(cell.started()), within_s)
    cell.check_stream()


# starting


def test_plug_first_waits_for_a_card_and_then_charges(cell: SessionCell) -> None:
    assert cell.status == "Available"
    cell.plug()
    assert (cell.status, cell.connector.reason) == ("Preparing", "waiting for a card")
    cell.advance(600.0)
    assert not cell.started()
    cell.swipe()
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.connector.reason == ""
    assert cell.connector.waiting_facts == 1


def test_card_first_waits_for_the_vehicle(cell: SessionCell) -> None:
    cell.swipe()
    assert cell.status == "Preparing"
    assert cell.connector.authorized_until_s == cell.clock.boot_s + 45.0
    cell.advance(44.0)
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.connector.id_tag == "CARD-A"


def test_card_first_is_over_after_the_connection_time_out(cell: SessionCell) -> None:
    cell.swipe()
    cell.advance(45.0)
    assert cell.status == "Available"
    cell.plug()
    cell.advance(5.0)
    assert not cell.started()


def test_a_connection_time_out_of_0_never_ends(cell: SessionCell) -> None:
    cell.set_key("ConnectionTimeOut", "0")
    cell.swipe()
    cell.advance(400.0)
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)


def test_an_authorization_survives_a_kill_but_not_its_time(cell: SessionCell) -> None:
    cell.swipe()
    cell.advance(30.0)
    cell.kill("session")
    cell.start("session")
    cell.advance(1.0)
    assert cell.status == "Preparing"
    cell.advance(14.0)
    assert cell.status == "Available"


def test_a_card_that_is_not_in_the_list_is_refused_visibly(cell: SessionCell) -> None:
    cell.plug()
    cell.swipe("STRANGER")
    assert cell.connector.card_rejected_until_s == cell.clock.boot_s + 3.0
    cell.advance(5.0)
    assert not cell.started()
    cell.swipe("card-a")
    cell.until(lambda: cell.status == "Charging", 5.0)


def test_the_begin_record_needs_a_good_reading(cell: SessionCell) -> None:
    cell.world.quality = Quality.SILENT
    cell.advance(6.0)
    cell.plug()
    cell.swipe()
    cell.advance(9.0)
    assert (cell.status, cell.connector.reason) == ("Preparing", "waiting for the meter")
    assert cell.connector.error_code == "NoError"
    cell.advance(2.0)
    assert cell.connector.error_code == "PowerMeterFailure"
    assert [f.code for f in cell.last(FAULTS["session"]).faults] == ["start_without_reading"]
    assert cell.lease is not None
    assert not cell.lease.may_charge
    cell.world.quality = Quality.GOOD
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.last(FAULTS["session"]).faults == ()


def test_no_transaction_starts_while_a_fault_is_active(cell: SessionCell) -> None:
    cell.fault("pilot_diode", state=PilotState.LATCHED)
    cell.plug()
    cell.swipe()
    cell.advance(20.0)
    assert (cell.status, cell.connector.error_code) == ("Faulted", "EVCommunicationError")
    assert not cell.started()


def test_the_plug_is_locked_before_the_transaction_begins_and_free_after_it(cell: SessionCell) -> None:
    cell.plug()
    assert cell.lease is not None
    assert not cell.lease.hold_cable
    charging(cell, 5.0)
    assert cell.lease.hold_cable
    cell.swipe()
    assert not cell.lease.hold_cable


def test_a_fixed_cable_starts_without_a_lock(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, cable="fixed", UnlockConnectorOnEVSideDisconnect="false")
    charging(cell)
    cell.unplug()
    ended(cell)
    cell.advance(1.0)
    assert cell.status == "Available"


# free charging


def test_free_charging_starts_by_plugging_in_and_not_again_for_the_same_vehicle(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, FreeCharging="true")
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.started()[0].id_tag == "FREE"
    cell.ask_stop(connector=1)
    ended(cell)
    cell.advance(30.0)
    assert (cell.status, len(cell.started())) == ("Finishing", 1)
    cell.unplug()
    cell.advance(1.0)
    cell.set_key("RfidTagFreeCharging", "house")
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.started()[1].id_tag == "house"


def test_without_a_meter_only_free_charging_is_possible_and_nothing_is_recorded(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, meter="none")
    cell.advance(1.0)
    cell.plug()
    cell.swipe()
    assert cell.connector.card_rejected_until_s > cell.clock.boot_s
    cell.advance(5.0)
    assert (cell.status, cell.world.closed_a) == ("Preparing", 0.0)
    cell.set_key("FreeCharging", "true")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert (cell.journal(), cell.connector.transaction_id) == ([], "")
    cell.kill("session")
    cell.kill("settings")
    cell.start("session")
    cell.advance(9.0)
    assert (cell.status, cell.connector.limit_a, cell.world.closed_a) == ("Charging", 16.0, 16.0)
    cell.unplug()
    cell.advance(1.0)
    assert cell.lease is not None
    assert not cell.lease.may_charge


# stopping


def test_another_card_does_not_end_the_transaction(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe("CARD-B")
    cell.advance(5.0)
    assert cell.status == "Charging"
    assert cell.connector.card_rejected_until_s > 0.0


def test_unplugging_ends_the_transaction_and_frees_the_connector(cell: SessionCell) -> None:
    charging(cell)
    cell.unplug()
    ended(cell)
    cell.advance(1.0)
    assert (cell.stopped()[0].reason, cell.stopped()[0].id_tag) == (StopReason.EV_DISCONNECTED, "")
    assert cell.status == "Available"


def test_the_transaction_stays_when_the_key_says_so_and_the_cable_stays_locked(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, StopTransactionOnEVSideDisconnect="false")
    charging(cell)
    cell.unplug()
    cell.advance(60.0)
    assert cell.status == "SuspendedEV"
    assert cell.lease is not None
    assert cell.lease.hold_cable
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.swipe()
    ended(cell)
    assert len(cell.started()) == 1
    assert cell.stopped()[0].meter_stop_wh == cell.world.shown_wh


def test_the_cable_waits_for_its_card_when_unplugging_does_not_unlock(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, UnlockConnectorOnEVSideDisconnect="false")
    cell.cable_stays = True
    charging(cell)
    cell.unplug()
    ended(cell)
    cell.advance(60.0)
    assert cell.lease is not None
    assert (cell.status, cell.lease.hold_cable) == ("Finishing", True)
    cell.swipe("CARD-B")
    cell.kill("session")
    cell.start("session")
    cell.advance(2.0)
    assert cell.lease.hold_cable
    cell.swipe("CARD-A")
    assert not cell.lease.hold_cable
    assert cell.status == "Available"


def test_a_latched_fault_ends_the_transaction_and_a_passing_one_does_not(cell: SessionCell) -> None:
    charging(cell)
    cell.fault("pilot_output")
    cell.advance(5.0)
    assert (cell.status, cell.stopped()) == ("Faulted", [])
    cell.fault()
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.fault("contactor_no_close", state=PilotState.LATCHED)
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.OTHER
    assert len(cell.started()) == 1


def test_a_command_ends_a_transaction_and_is_answered_once_it_is_stored(cell: SessionCell) -> None:
    charging(cell)
    request_id = cell.ask_stop(cell.connector.transaction_id, reason=StopReason.UNLOCK_COMMAND)
    answer = cell.answers[-1]
    assert (answer.request_id, answer.outcome) == (request_id, Answer.ACCEPTED)
    assert answer.values == {"transaction_id": cell.started()[0].transaction_id}
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.UNLOCK_COMMAND


def test_a_command_for_an_unknown_transaction_is_refused_with_a_hint(cell: SessionCell) -> None:
    charging(cell)
    cell.ask_stop("no-such-transaction")
    assert cell.answers[-1].outcome is Answer.REJECTED
    assert "chargectl session ls" in cell.answers[-1].reason
    cell.advance(2.0)
    assert cell.status == "Charging"


def test_a_command_starts_like_a_card_and_is_refused_where_a_transaction_runs(cell: SessionCell) -> None:
    cell.plug()
    cell.ask_start("STRANGER")
    assert cell.answers[-1].outcome is Answer.REJECTED
    cell.ask_start("CARD-B")
    assert cell.answers[-1].outcome is Answer.ACCEPTED
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.ask_start("CARD-B")
    assert (cell.answers[-1].outcome, cell.answers[-1].reason) == (Answer.REJECTED, "this connector is in use")


def test_a_stop_without_a_reading_bills_the_last_good_one_and_says_so(cell: SessionCell) -> None:
    charging(cell)
    last_wh = cell.world.shown_wh
    cell.world.quality = Quality.SILENT
    cell.advance(20.0)
    cell.swipe()
    cell.advance(29.0)
    assert (cell.status, cell.stopped()) == ("Finishing", [])
    ended(cell, 4.0)
    (stopped,) = cell.stopped()
    assert (stopped.meter_stop_measured, stopped.meter_stop_wh) == (False, last_wh)


def test_another_meter_never_ends_a_transaction_with_its_register(cell: SessionCell) -> None:
    charging(cell)
    cell.world.serial, cell.world.register_wh = "METER-2", 900_000.0
    cell.advance(5.0)
    assert cell.connector.energy_wh is None
    cell.swipe()
    ended(cell, 40.0)
    assert not cell.stopped()[0].meter_stop_measured
    assert 100_000 <= cell.stopped()[0].meter_stop_wh < 101_000


def test_the_end_register_waits_until_safety_has_withdrawn_and_proven_open(cell: SessionCell) -> None:
    charging(cell)
    cell.world.can_prove_open = False
    cell.swipe()
    cell.advance(120.0)
    assert (cell.status, cell.stopped()) == ("Finishing", [])
    cell.world.can_prove_open = True
    ended(cell)
    assert cell.stopped()[0].meter_stop_measured


def test_a_contactor_that_closes_while_the_withdrawal_is_on_its_way_is_billed(cell: SessionCell) -> None:
    charging(cell)
    cell.world.ready = False
    cell.advance(3.0)
    cell.hub.fate = lambda _sender, _receiver, frame: 0 if frame.startswith(b"session.permission") else 1
    cell.swipe()
    cell.advance(2.0)
    assert not cell.stopped()
    cell.world.ready = True
    cell.advance(4.0)
    assert cell.world.closed_a == 16.0
    cell.hub.fate = lambda _sender, _receiver, _frame: 1
    ended(cell)
    assert cell.stopped()[0].meter_stop_wh == cell.world.shown_wh


def test_a_welded_contactor_cannot_keep_the_transaction_open_for_ever(cell: SessionCell) -> None:
    charging(cell)
    cell.world.can_prove_open = False
    cell.fault("contactor_welded", state=PilotState.LOCKOUT)
    cell.advance(29.0)
    assert not cell.stopped()
    ended(cell, 5.0)
    assert (cell.stopped()[0].reason, cell.stopped()[0].meter_stop_measured) == (StopReason.OTHER, False)


# the limit


def test_the_smallest_limit_binds_and_says_whose_it_is(cell: SessionCell) -> None:
    charging(cell)
    assert (cell.connector.limit_a, cell.connector.limit_source) == (16.0, LimitSource.OPERATOR)
    cell.set_key("OperatorCurrentLimit", "32")
    assert (cell.connector.limit_a, cell.connector.limit_source) == (20.0, LimitSource.CABLE)
    assert cell.world.closed_a == 20.0


def test_the_installation_limit_bounds_a_running_charge_at_once(cell: SessionCell) -> None:
    charging(cell)
    cell.set_key("OperatorCurrentLimit", "32")
    cell.set_key("InstallationCurrentLimit", "13")
    assert (cell.connector.limit_a, cell.connector.limit_source) == (13.0, LimitSource.INSTALLATION)
    assert cell.world.closed_a == 13.0
    cell.set_key("InstallationCurrentLimit", "18")
    assert cell.world.closed_a == 18.0


def test_a_limit_below_6_a_pauses_the_same_transaction(cell: SessionCell) -> None:
    charging(cell)
    cell.set_key("OperatorCurrentLimit", "5")
    cell.advance(10.0)
    assert (cell.status, cell.world.closed_a) == ("SuspendedEVSE", 0.0)
    assert "operator" in cell.connector.reason
    cell.set_key("OperatorCurrentLimit", "6")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert len(cell.started()) == 1


def test_a_vehicle_that_stops_by_itself_is_suspended_ev(cell: SessionCell) -> None:
    charging(cell)
    cell.world.ready = False
    cell.advance(2.0)
    assert cell.status == "SuspendedEV"


# after the end


def test_after_the_end_a_card_charges_the_same_vehicle_again(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe()
    ended(cell)
    cell.advance(10.0)
    assert cell.status == "Finishing"
    cell.swipe("CARD-B")
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.check_stream()
    assert [s.id_tag for s in cell.started()] == ["CARD-A", "CARD-B"]


def test_an_authorization_leaves_with_its_vehicle(cell: SessionCell) -> None:
    cell.world.quality = Quality.SILENT
    cell.advance(6.0)
    cell.plug()
    cell.swipe()
    cell.advance(3.0)
    cell.unplug()
    cell.advance(1.0)
    cell.world.quality = Quality.GOOD
    cell.plug()
    cell.advance(5.0)
    assert not cell.started()
