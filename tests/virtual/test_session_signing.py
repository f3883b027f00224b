"""Signed begin and end in the session service: kill -9 between any two steps loses no record and makes none twice."""

from pathlib import Path

import pytest

from schemas.metering import SignContext
from schemas.safety import Lock
from schemas.session import StopReason, TransactionMeterValues, TransactionStopped
from services.session.transactions.signed import FORMAT
from tests.parts import sample
from tests.virtual.session_cell import SessionCell
from tests.virtual.signing_cell import SigningMeter, make_signing_cell
from tests.virtual.test_session_crash import swipe_until

pytestmark = pytest.mark.virtual

BEGIN, END = "Transaction.Begin", "Transaction.End"


def records_of(body: TransactionStopped | TransactionMeterValues) -> list[tuple[str, str]]:
    return [(v.context, v.value) for each in body.samples for v in each.values if v.format == FORMAT]


def end_late(cell: SessionCell, meter: SigningMeter) -> None:
    """The bill goes out unsigned after 30 s; the process may die from a moment before until the record is told."""
    meter.refuses = True
    cell.swipe()
    cell.until(lambda: cell.status == "Finishing", within_s=10.0)
    cell.advance(28.5)
    cell.counting = True
    cell.until(lambda: bool(cell.stopped()), within_s=45.0)
    meter.refuses = False
    cell.until(lambda: bool(cell.metered()), within_s=30.0)


def charge(
    home: Path, crash_at: int = 0, cuts_power: bool = False, refuses_end: bool = False, **keys: str
) -> tuple[SessionCell, SigningMeter]:
    """Plug in, card, charge, card; the process dies at one of its calls. `refuses_end`: until it is billed."""
    cell, meter = make_signing_cell(home, **keys)
    cell.crash_cuts_power = cuts_power
    cell.counting = not refuses_end
    cell.crash_points, cell.crash_at = 0, crash_at
    cell.plug()
    swipe_until(cell, lambda: cell.status == "Charging")
    cell.advance(1.2)
    if refuses_end:
        end_late(cell, meter)
    elif cell.status == "Charging":
        swipe_until(cell, lambda: bool(cell.stopped()))
    cell.advance(3.0)
    cell.unplug()
    cell.advance(3.0)
    return cell, meter


def check_one_transaction(cell: SessionCell, meter: SigningMeter, at: str) -> None:
    (started,), (stopped,) = cell.started(), cell.stopped()
    one = started.transaction_id
    assert started.signed, at
    assert stopped.signed, at
    begin = (BEGIN, meter.records[one, SignContext.BEGIN])
    last = (END, meter.records[one, SignContext.END])
    assert begin[1].endswith(f" {started.meter_start_wh}"), at
    assert last[1].endswith(f" {stopped.meter_stop_wh}"), at
    late = [record for body in cell.metered() for record in records_of(body)]
    assert records_of(stopped) + late == [begin, last], at
    assert stopped.end_unsigned == bool(late), at
    assert len(set(meter.begun)) == len(meter.begun), at
    assert sorted(cell.facts) == list(range(1, len(cell.facts) + 1)), at
    assert stopped.meter_stop_wh == cell.world.shown_wh, at


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """How many calls the undisturbed charge makes: with a signed end, and with a late one."""
    both = []
    for late in (False, True):
        cell, _ = charge(tmp_path_factory.mktemp("undisturbed"), refuses_end=late)
        assert cell.crashes == 0
        both.append(cell.crash_points)
    return both[0], both[1]


@pytest.mark.parametrize("late", [False, True])
def test_an_undisturbed_charge_has_both_records(tmp_path: Path, late: bool) -> None:
    cell, meter = charge(tmp_path, refuses_end=late)
    check_one_transaction(cell, meter, "undisturbed")
    assert bool(cell.metered()) == late
    assert cell.status == "Available"


@pytest.mark.parametrize("part", sample(range(4), 4))
def test_a_kill_at_every_single_step_keeps_the_records(tmp_path: Path, points: tuple[int, int], part: int) -> None:
    for crash_at in range(1 + part, points[0] + 1, 4):
        cell, meter = charge(tmp_path / str(crash_at), crash_at)
        at = f"killed at call {crash_at} of {points[0]}"
        assert cell.crashes == 1, at
        check_one_transaction(cell, meter, at)
        cell.service.abandon()


@pytest.mark.parametrize("part", sample(range(4), 4))
def test_a_kill_at_every_step_of_a_late_record_delivers_it_once(
    tmp_path: Path, points: tuple[int, int], part: int
) -> None:
    for crash_at in range(1 + part, points[1] + 1, 4):
        cell, meter = charge(tmp_path / str(crash_at), crash_at, refuses_end=True)
        at = f"killed at call {crash_at} of {points[1]}"
        assert cell.crashes == 1, at
        check_one_transaction(cell, meter, at)
        cell.service.abandon()


def test_a_power_cut_at_every_fourth_step_never_resumes_and_ends_signed(
    tmp_path: Path, points: tuple[int, int]
) -> None:
    for crash_at in range(1, points[0] + 1, 4):
        cell, meter = charge(tmp_path / str(crash_at), crash_at, cuts_power=True, RestartTransAfterPowerLoss="true")
        at = f"power cut at call {crash_at} of {points[0]}"
        cell.until(lambda cell=cell: all(t.meter_stop_wh is not None for t in cell.journal()), within_s=45.0)
        assert cell.started(), at
        for started, stopped in zip(cell.started(), cell.stopped(), strict=True):
            assert stopped.reason in (StopReason.POWER_LOSS, StopReason.LOCAL, StopReason.EV_DISCONNECTED), at
            assert [context for context, _ in records_of(stopped)] == [BEGIN, END], at
            assert all(record.startswith(started.transaction_id) for _, record in records_of(stopped)), at
        assert len(set(meter.begun)) == len(meter.begun), at
        cell.service.abandon()


def test_a_signed_transaction_never_resumes_after_a_power_cut(tmp_path: Path) -> None:
    cell, meter = make_signing_cell(tmp_path, RestartTransAfterPowerLoss="true")
    cell.plug()
    swipe_until(cell, lambda: cell.status == "Charging")
    cell.power_cut()
    cell.until(lambda: bool(cell.stopped()), within_s=45.0)
    cell.advance(10.0)
    assert cell.stopped()[0].reason is StopReason.POWER_LOSS
    assert len(cell.started()) == 1
    check_one_transaction(cell, meter, "after the power cut")


def test_an_end_that_a_power_cut_left_unsigned_is_made_up_for_although_its_vehicle_counts_as_gone(
    tmp_path: Path,
) -> None:
    cell, meter = make_signing_cell(tmp_path)
    cell.plug()
    swipe_until(cell, lambda: cell.status == "Charging")
    meter.refuses = True
    cell.power_cut()
    cell.until(lambda: bool(cell.stopped()), within_s=90.0)
    cell.advance(20.0)
    assert cell.stopped()[0].end_unsigned
    meter.refuses = False
    cell.until(lambda: bool(cell.metered()), within_s=30.0)
    check_one_transaction(cell, meter, "after the power cut")


def test_a_record_of_a_meter_that_was_exchanged_before_the_begin_is_not_used(tmp_path: Path) -> None:
    cell, meter = make_signing_cell(tmp_path)
    cell.plug()
    cell.advance(1.5)
    cell.swipe()
    cell.advance(0.2)
    cell.world.lock = Lock.UNLOCKED
    cell.fault()
    cell.until(lambda: len(meter.begun) == 1, within_s=5.0)
    cell.advance(1.0)
    assert cell.started() == []
    cell.world.serial = "METER-2"
    cell.advance(1.5)
    cell.world.lock = None
    cell.fault()
    cell.until(lambda: bool(cell.started()), within_s=10.0)
    (started,) = cell.started()
    assert (started.transaction_id, started.meter_serial) == (meter.begun[-1], "METER-2")
    assert len(meter.begun) == 2
