"""kill -9 between any two steps of a charge, and a power cut there: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from schemas.base import Answer
from schemas.message_queue import AuthorizationStatus, IdTagInfo
from schemas.session import StopReason, TransactionMeterValues
from tests.parts import sample
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual


def swipe_until(cell: SessionCell, condition: object, id_tag: str = "CARD-A") -> None:
    """As a person does: again, when the card was not noticed."""
    for _ in range(4):
        cell.swipe(id_tag)
        try:
            cell.until(condition, within_s=45.0)  # type: ignore[arg-type]
        except AssertionError:
            continue
        return
    raise AssertionError(f"the card has no effect: {cell.status}, {cell.connector.reason}")


def wait_for_the_outcome(cell: SessionCell) -> None:
    """Of the power cut: the transaction has ended, or it charges again."""
    cell.until(lambda: not any(t.meter_stop_wh is None for t in cell.journal()) or cell.status == "Charging", 40.0)


def charge(home: Path, crash_at: int = 0, cuts_power: bool = False, **keys: str) -> SessionCell:
    """Plug in, card, charge over a sign of life, card, unplug; the process dies at one of its calls."""
    cell = make_cell(home, **keys)
    cell.crash_cuts_power = cuts_power
    cell.crash_points, cell.crash_at = 0, crash_at
    cell.plug()
    swipe_until(cell, lambda: cell.status == "Charging")
    cell.advance(1.2)
    cell.counting = False
    cell.advance(57.0)
    cell.counting = True
    cell.advance(3.0)
    if cell.status != "Charging":
        return cell
    swipe_until(cell, lambda: bool(cell.stopped()))
    cell.unplug()
    cell.advance(3.0)
    return cell


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls the undisturbed charge makes."""
    cell = charge(tmp_path_factory.mktemp("undisturbed"))
    assert cell.crashes == 0
    assert 60 < cell.crash_points < 400
    return cell.crash_points


def test_an_undisturbed_charge_is_one_transaction_with_the_energy_of_the_car(tmp_path: Path) -> None:
    cell = charge(tmp_path)
    cell.check_stream()
    (started,), (stopped,) = cell.started(), cell.stopped()
    assert (started.meter_start_wh, stopped.meter_stop_wh) == (100_000, cell.world.shown_wh)
    assert (stopped.reason, stopped.id_tag, stopped.meter_stop_measured) == (StopReason.LOCAL, "CARD-A", True)
    assert cell.status == "Available"


@pytest.mark.parametrize("part", sample(range(3), 3))
def test_a_kill_at_every_single_step_leaves_one_transaction_with_the_right_energy(
    tmp_path: Path, points: int, part: int
) -> None:
    for crash_at in range(1 + part, points + 1, 3):
        cell = charge(tmp_path / str(crash_at), crash_at)
        at = f"killed at call {crash_at} of {points}"
        assert cell.crashes == 1, at
        cell.check_stream()
        assert len(cell.started()) == len(cell.stopped()) == 1, at
        (stopped,) = cell.stopped()
        assert stopped.meter_stop_wh == cell.world.shown_wh, at
        assert cell.started()[0].meter_start_wh == 100_000, at
        assert (stopped.reason, stopped.meter_stop_measured) == (StopReason.LOCAL, True), at
        assert cell.status == "Available", at
        cell.service.abandon()


@pytest.mark.parametrize("restart", ["true", "false"])
def test_a_power_cut_at_every_third_step_bills_what_the_car_has_drawn(
    tmp_path: Path, points: int, restart: str
) -> None:
    for crash_at in range(1, points + 1, 3):
        cell = charge(tmp_path / str(crash_at), crash_at, cuts_power=True, RestartTransAfterPowerLoss=restart)
        at = f"power cut at call {crash_at} of {points}"
        wait_for_the_outcome(cell)
        cell.check_stream()
        assert cell.crashes == 1, at
        assert cell.started(), at
        first = cell.stopped()[0] if cell.stopped() else None
        if restart == "true":
            assert len(cell.started()) == 1, at
            assert first is None or first.reason is StopReason.LOCAL, at
        else:
            assert first is not None, at
            assert first.reason in (StopReason.POWER_LOSS, StopReason.LOCAL), at
        billed = sum(s.meter_stop_wh for s in cell.stopped()) - sum(s.meter_start_wh for s in cell.started())
        open_wh = [t.meter_start_wh for t in cell.journal() if t.meter_stop_wh is None]
        if open_wh:
            billed += cell.world.shown_wh
        assert billed == cell.world.shown_wh - 100_000, at
        assert all(s.meter_stop_measured for s in cell.stopped()), at
        cell.service.abandon()


# with a backend: its answers, its wishes, and the samples


def walk(home: Path, crash_at: int = 0, *, remote: bool = False, info: IdTagInfo | None = None) -> SessionCell:
    """A charge of somebody whom only the backend knows, with two samples; `info`: its answer to StartTransaction."""
    cell = make_cell(home, backend=True, MeterValueSampleInterval="2")
    cell.backend.accept("FRIEND", parent="FAMILY")
    if info is not None:
        cell.backend.start_info = info
    cell.crash_points, cell.crash_at = 0, crash_at
    cell.plug()
    cell.advance(1.0)
    if remote:
        request_id = cell.remote_start("FRIEND")
        cell.until(lambda: cell.outcome(request_id) is Answer.ACCEPTED, 5.0)
        cell.until(lambda: bool(cell.started()), 10.0)
    else:
        swipe_until(cell, lambda: bool(cell.started()), "FRIEND")
    cell.until(lambda: bool(cell.backend.answers), 10.0)
    if info is None:
        cell.until(lambda: cell.status == "Charging", 10.0)
        cell.advance(5.5)
        swipe_until(cell, lambda: bool(cell.stopped()), "FRIEND")
    cell.until(lambda: bool(cell.stopped()), 10.0)
    cell.unplug()
    cell.advance(5.0)
    return cell


def check_walk(cell: SessionCell, at: str) -> None:
    """Seen from the queue: every fact once and in order; seen from here: every answer taken."""
    cell.check_stream()
    assert len(cell.started()) == len(cell.stopped()) == 1, at
    assert [fact.number for fact in cell.backend.taken] == sorted(cell.facts), at
    assert cell.service.store.stream.waiting == 0, at
    assert cell.backend.acknowledged == len(cell.backend.answers) == 2, at
    (one,) = cell.journal()
    assert one.backend_id == 1, at
    cached = cell.service.store.cached("FRIEND")
    assert cached is not None, at
    times = [s.sampled_wall_s for s in metered(cell)]
    assert times == sorted(set(times)), at


def metered(cell: SessionCell) -> list[object]:
    bodies = [fact.body for fact in cell.backend.taken]
    return [sample for body in bodies if isinstance(body, TransactionMeterValues) for sample in body.samples]


INVALID = IdTagInfo(status=AuthorizationStatus.INVALID)


@pytest.mark.parametrize("way", ["card", "remote", "invalid"])
@pytest.mark.parametrize("part", sample(range(3), 3))
def test_a_kill_at_every_step_of_a_charge_with_a_backend(tmp_path: Path, part: int, way: str) -> None:
    how = {"remote": way == "remote", "info": INVALID if way == "invalid" else None}
    calm = walk(tmp_path / "calm", **how)  # type: ignore[arg-type]
    check_walk(calm, "undisturbed")
    points = calm.crash_points
    assert 40 < points < 300
    for crash_at in range(1 + part, points + 1, 3):
        cell = walk(tmp_path / str(crash_at), crash_at, **how)  # type: ignore[arg-type]
        at = f"{way}: killed at call {crash_at} of {points}"
        assert cell.crashes <= 1, at
        check_walk(cell, at)
        reason = cell.stopped()[0].reason
        assert reason is (StopReason.DEAUTHORIZED if way == "invalid" else StopReason.LOCAL), at
        if way != "invalid":
            assert len(metered(cell)) >= 2, at
            assert cell.status == "Available", at
        cell.service.abandon()


def cut_short(home: Path, crash_at: int, *, remote: bool) -> SessionCell:
    """The same charge, until the power is cut; nobody comes back afterwards."""
    cell = make_cell(home, backend=True, MeterValueSampleInterval="2")
    cell.crash_cuts_power = True
    cell.backend.accept("FRIEND")
    cell.crash_points, cell.crash_at = 0, crash_at
    cell.plug()
    cell.advance(1.0)
    if remote:
        cell.remote_start("FRIEND")
    else:
        cell.swipe("FRIEND")
    cell.advance(8.0)
    if cell.status == "Charging":
        cell.swipe("FRIEND")
    cell.until(lambda: len(cell.started()) == len(cell.stopped()), 80.0)
    cell.advance(25.0)
    return cell


@pytest.mark.parametrize("way", ["card", "remote"])
@pytest.mark.parametrize("part", sample(range(3), 3))
def test_a_power_cut_at_every_fourth_step_loses_and_doubles_nothing(tmp_path: Path, part: int, way: str) -> None:
    points = walk(tmp_path / "calm", remote=way == "remote").crash_points
    for crash_at in range(1 + 4 * part, points + 1, 12):
        cell = cut_short(tmp_path / str(crash_at), crash_at, remote=way == "remote")
        at = f"{way}: power cut at call {crash_at} of {points}"
        cell.check_stream()
        assert len(cell.started()) == len(cell.stopped()), at
        assert [fact.number for fact in cell.backend.taken] == sorted(cell.facts), at
        assert cell.service.store.stream.waiting == 0, at
        cell.service.abandon()
