"""kill -9 of the queue between any two of its store and bus calls, and power cuts there."""

from pathlib import Path

import pytest

from schemas.message_queue import StartAnswered, StopAnswered
from schemas.session import ConnectorStatus
from tests.parts import sample
from tests.virtual.queue_cell import (
    INTERNAL_ERROR,
    Call_,
    QueueCell,
    Reply,
    accept,
    make_cell,
    metered,
    started,
    stopped,
)

pytestmark = pytest.mark.virtual


def one_refusal(call: Call_) -> Reply:
    """The first StopTransaction fails once, the MeterValues of transaction 2 always."""
    if call.action == "StopTransaction" and call.attempt == 1:
        return INTERNAL_ERROR
    if call.action == "MeterValues" and call.payload["transactionId"] == 102:
        return INTERNAL_ERROR
    return accept(call)


def walk(home: Path, crash_at: int = 0, *, cuts_power: bool = False) -> QueueCell:
    """Two charges, one of them offline, a repeated StopTransaction, a message given up."""
    keys = {"RetransmitMeterValues": "true", "TransactionMessageAttempts": "2", "TransactionMessageRetryInterval": "1"}
    cell = make_cell(home, power=False, **keys)
    cell.keep_said = False
    cell.crash_at, cell.crash_cuts_power, cell.backend = crash_at, cuts_power, one_refusal
    cell.statuses[1] = (ConnectorStatus.AVAILABLE, "NoError", "")
    cell.power_up()
    cell.settle()
    cell.say(started(1))
    cell.advance(3.0)
    cell.say(metered(1), started(2, connector=2))
    cell.advance(3.0)
    cell.offline()
    cell.status(1, ConnectorStatus.CHARGING)
    cell.say(stopped(1), metered(2, connector=2), stopped(2, connector=2))
    cell.advance(3.0)
    cell.online()
    cell.until(lambda: cell.is_empty() and len(cell.taken) == 4, within_s=40.0)
    cell.advance(2.1)
    return cell


def check(cell: QueueCell, at: str) -> None:
    assert cell.is_empty(), at
    assert [
        (type(fact), fact.transaction_id, getattr(fact, "backend_transaction_id", None)) for fact in cell.taken
    ] == [
        (StartAnswered, "transaction-1", 101),
        (StartAnswered, "transaction-2", 102),
        (StopAnswered, "transaction-1", None),
        (StopAnswered, "transaction-2", None),
    ], at
    billing = [call for call in cell.calls if call.action in ("StartTransaction", "StopTransaction", "MeterValues")]
    ids = list(dict.fromkeys(call.message_id for call in billing))
    first = [next(call for call in billing if call.message_id == name) for name in ids]
    assert [call.action for call in first] == [
        "StartTransaction",
        "MeterValues",
        "StartTransaction",
        "StopTransaction",
        "MeterValues",
        "StopTransaction",
    ], at
    assert [ids.index(call.message_id) for call in billing] == sorted(ids.index(call.message_id) for call in billing), (
        at
    )
    given_up = [given.message.action for given in cell.service.store.given_up_messages(99)]
    assert given_up == ["MeterValues"], at
    assert cell.sent("StatusNotification")[-1].payload["status"] == "Charging", at


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls the undisturbed walk makes."""
    cell = walk(tmp_path_factory.mktemp("undisturbed"))
    check(cell, "undisturbed")
    assert cell.crashes == 0
    assert 100 < cell.crash_points < 600
    return cell.crash_points


@pytest.mark.parametrize("part", sample(range(4), 4))
def test_a_kill_at_every_single_step_loses_and_doubles_nothing(tmp_path: Path, points: int, part: int) -> None:
    for crash_at in range(1 + part, points + 1, 4):
        cell = walk(tmp_path / str(crash_at), crash_at)
        at = f"killed at call {crash_at} of {points}"
        assert cell.crashes == 1, at
        check(cell, at)
        cell.service.abandon()


@pytest.mark.parametrize("part", sample(range(3), 3))
def test_a_power_cut_at_every_third_step_loses_nothing(tmp_path: Path, points: int, part: int) -> None:
    for crash_at in range(1 + 3 * part, points + 1, 9):
        cell = walk(tmp_path / str(crash_at), crash_at, cuts_power=True)
        at = f"power cut at call {crash_at} of {points}"
        assert cell.crashes == 1, at
        check(cell, at)
        cell.service.abandon()
