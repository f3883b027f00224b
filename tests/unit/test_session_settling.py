"""What is told of the moments in which a charge begins."""

import pytest

from schemas.session import ConnectorStatus as Status
from services.session.connectors.settling import LONGEST_S, SETTLE_S, Settling

pytestmark = pytest.mark.unit


def shown(*changes: tuple[float, Status], until_s: float = 0.0) -> list[tuple[float, Status]]:
    """What is shown, and since when: looked at every 100 ms."""
    settling, found, waiting = Settling(), list[tuple[float, Status]](), list(changes)
    true = Status.AVAILABLE
    for tick in range(int(max(until_s, changes[-1][0] + 3.0) * 10) + 1):
        while waiting and waiting[0][0] <= tick / 10:
            true = waiting.pop(0)[1]
        status = settling.shown(true, tick / 10)
        if not found or found[-1][1] is not status:
            found.append((tick / 10, status))
    return found


def test_a_start_goes_straight_from_preparing_to_charging() -> None:
    assert shown(
        (1.0, Status.PREPARING),
        (2.0, Status.SUSPENDED_EVSE),
        (2.5, Status.SUSPENDED_EV),
        (3.9, Status.SUSPENDED_EVSE),
        (4.0, Status.CHARGING),
    ) == [(0.0, Status.AVAILABLE), (1.0, Status.PREPARING), (4.0, Status.CHARGING)]


@pytest.mark.parametrize("status", [Status.SUSPENDED_EVSE, Status.SUSPENDED_EV])
def test_a_suspension_that_lasts_is_told_after_two_seconds(status: Status) -> None:
    assert shown((1.0, Status.PREPARING), (2.0, status))[-1] == (2.0 + SETTLE_S, status)


def test_a_start_that_wavers_is_told_as_it_is_after_ten_seconds() -> None:
    wavering = [(2.0 + number, (Status.SUSPENDED_EVSE, Status.SUSPENDED_EV)[number % 2]) for number in range(20)]
    found = shown((1.0, Status.PREPARING), *wavering)
    assert found[2] == (2.0 + LONGEST_S, Status.SUSPENDED_EVSE)
    assert len(found) > 8, "from then on every change"


def test_once_it_charged_a_suspension_is_told_at_once() -> None:
    found = shown((1.0, Status.PREPARING), (2.0, Status.CHARGING), (3.0, Status.SUSPENDED_EV), (3.5, Status.CHARGING))
    assert found[-2:] == [(3.0, Status.SUSPENDED_EV), (3.5, Status.CHARGING)]


@pytest.mark.parametrize("before", [Status.FAULTED, Status.UNAVAILABLE])
def test_after_a_fault_a_suspension_is_told_at_once(before: Status) -> None:
    assert shown((1.0, before), (2.0, Status.SUSPENDED_EVSE))[-1] == (2.0, Status.SUSPENDED_EVSE)


def test_a_restarted_process_tells_a_suspension_at_once() -> None:
    settling = Settling()
    assert settling.shown(Status.SUSPENDED_EV, 5.0) is Status.SUSPENDED_EV
    assert settling.due_s == float("inf")


def test_it_says_when_to_look_again() -> None:
    settling = Settling()
    settling.shown(Status.PREPARING, 0.0)
    assert settling.shown(Status.SUSPENDED_EV, 1.0) is Status.PREPARING
    assert settling.due_s == 1.0 + SETTLE_S
    assert settling.shown(Status.SUSPENDED_EV, settling.due_s) is Status.SUSPENDED_EV
    assert settling.due_s == float("inf")
