"""What a card means."""

import pytest

from services.session.authorization.flow import (
    Outcome,
    Pending,
    Seat,
    Verdict,
    authorization_for,
    authorize,
    bound,
    confirmed,
    is_listed,
    is_worth_asking,
    judge_group,
    judge_own,
    judge_start,
    next_end_s,
    refused,
    unexpired,
    without,
    without_connectors,
)
from services.session.transactions.record import Phase, Plug

pytestmark = pytest.mark.unit

CARDS = ("Abc1", "CARD-B")


def judged(id_tag: str, *seats: Seat, free: bool = False) -> tuple[Outcome, tuple[int, ...]]:
    """As the desk does with the list of the station file."""
    verdict = judge_own(id_tag, seats)
    if verdict is None:
        listed = is_listed(id_tag, CARDS)
        verdict = judge_start(seats, free) if listed else Verdict(Outcome.REJECT)
    return verdict.outcome, verdict.connectors


EMPTY, WAITING = Seat(1), Seat(1, vehicle=True)
RUNNING = Seat(1, vehicle=True, phase=Phase.ACTIVE, id_tag="ABC1", started_wall_s=5.0)


@pytest.mark.parametrize(
    ("id_tag", "seats", "expected"),
    [
        ("abc1", (EMPTY,), (Outcome.AUTHORIZE, (1,))),
        ("ABC1", (WAITING,), (Outcome.AUTHORIZE, (1,))),
        ("nobody", (WAITING,), (Outcome.REJECT, ())),
        ("abc1", (RUNNING,), (Outcome.STOP, (1,))),
        ("card-b", (RUNNING,), (Outcome.REJECT, ())),
        ("abc1", (RUNNING._replace(phase=Phase.STOPPING),), (Outcome.REJECT, ())),
        ("abc1", (RUNNING._replace(phase=Phase.ENDED),), (Outcome.AUTHORIZE, (1,))),
        ("abc1", (RUNNING._replace(phase=Phase.ENDED, holds_cable=True),), (Outcome.RELEASE, (1,))),
        ("card-b", (RUNNING._replace(phase=Phase.ENDED, holds_cable=True),), (Outcome.REJECT, ())),
        ("abc1", (WAITING._replace(has_meter=False),), (Outcome.REJECT, ())),
        ("abc1", (WAITING._replace(faulted=True),), (Outcome.REJECT, ())),
        ("abc1", (WAITING._replace(taken=True),), (Outcome.NOTHING, ())),
        ("abc1", (), (Outcome.REJECT, ())),
        # several connectors
        ("abc1", (Seat(1), Seat(2, vehicle=True)), (Outcome.AUTHORIZE, (2,))),
        ("abc1", (Seat(1), Seat(2)), (Outcome.AUTHORIZE, (1, 2))),
        ("abc1", (RUNNING, Seat(2, vehicle=True)), (Outcome.STOP, (1,))),
        ("card-b", (RUNNING, Seat(2), Seat(3)), (Outcome.AUTHORIZE, (2, 3))),
        ("abc1", (Seat(1, vehicle=True, taken=True), Seat(2)), (Outcome.AUTHORIZE, (2,))),
        ("abc1", (WAITING._replace(plugged_s=9.0), Seat(2, vehicle=True, plugged_s=7.0)), (Outcome.AUTHORIZE, (1,))),
        (
            "card-b",
            (RUNNING._replace(phase=Phase.ENDED, plugged_s=9.0), Seat(2, vehicle=True, plugged_s=7.0)),
            (Outcome.AUTHORIZE, (2,)),
        ),
        (
            "abc1",
            (RUNNING, RUNNING._replace(connector=2, started_wall_s=1.0)),
            (Outcome.STOP, (2,)),
        ),
    ],
)
def test_what_a_card_does(id_tag: str, seats: tuple[Seat, ...], expected: tuple[Outcome, tuple[int, ...]]) -> None:
    assert judged(id_tag, *seats) == expected


def test_every_refusal_says_why() -> None:
    for seat in (WAITING._replace(has_meter=False), WAITING._replace(faulted=True), RUNNING):
        assert judge_start([seat], False).reason


def test_free_charging_needs_no_card_but_a_card_still_ends_what_it_began() -> None:
    assert judged("abc1", WAITING, free=True)[0] is Outcome.NOTHING
    assert judged("abc1", RUNNING, free=True) == (Outcome.STOP, (1,))


def test_a_free_socket_that_a_fault_has_switched_off_takes_a_card_and_no_other_connector_does() -> None:
    held_off = WAITING._replace(connector=2, held_off=True)
    assert judged("abc1", WAITING, held_off, free=True) == (Outcome.AUTHORIZE, (2,))
    assert judged("abc1", held_off._replace(faulted=True), free=True)[0] is Outcome.REJECT


def test_an_authorization_goes_to_the_first_vehicle_and_is_then_its_own() -> None:
    pending = authorize((), Pending("abc1", (1, 2), 50.0, "start"))
    assert authorization_for(pending, 2) is pending[0]
    pending = bound(pending, pending[0], 2, Plug("run", 3))
    assert authorization_for(pending, 1) is None
    assert authorization_for(pending, 2) == Pending("abc1", (2,), 50.0, "start", Plug("run", 3))
    assert without(pending, pending[0]) == ()


def test_the_bound_authorization_comes_before_an_older_open_one() -> None:
    older, own = Pending("a", (1, 2), 0.0, "s"), Pending("b", (1,), 0.0, "s", Plug("run", 1))
    assert authorization_for((older, own), 1) is own
    assert authorization_for((older, own), 2) is older


def test_the_same_card_again_begins_its_time_anew() -> None:
    pending = authorize((), Pending("abc1", (1,), 50.0, "start"))
    again = authorize(pending, Pending("ABC1", (1,), 90.0, "start"))
    assert [one.until_s for one in again] == [90.0]


def test_a_card_that_has_its_vehicle_may_wait_for_another_one() -> None:
    bound_one = Pending("abc1", (1,), 0.0, "start", Plug("run", 1))
    assert authorize((bound_one,), Pending("ABC1", (2,), 90.0, "start"))[0] is bound_one


@pytest.mark.parametrize(("now_s", "left"), [(49.9, 3), (50.0, 2), (1e9, 2)])
def test_only_an_authorization_without_a_vehicle_ends_with_time(now_s: float, left: int) -> None:
    pending = (
        Pending("a", (1,), 50.0, "s"),
        Pending("b", (2,), 0.0, "s"),
        Pending("c", (3,), 50.0, "s", Plug("run", 1)),
    )
    kept = unexpired(pending, now_s)
    assert len(kept) == left
    assert (kept is pending) is (left == 3)


def test_the_next_end_is_of_those_that_can_end() -> None:
    assert next_end_s([Pending("a", (1,), 0.0, "s"), Pending("b", (1,), 70.0, "s")]) == 70.0
    assert next_end_s([Pending("c", (3,), 50.0, "s", Plug("run", 1))]) == float("inf")


# groups, several connectors, and what the backend begins


def test_another_card_of_the_same_group_ends_what_this_one_began() -> None:
    family = RUNNING._replace(parent_id_tag="Family")
    assert judge_group("FAMILY", [EMPTY, family._replace(connector=2)]) == Verdict(Outcome.STOP, (2,))
    assert judge_group("other", [family]) is None
    assert judge_group("", [RUNNING]) is None
    held = family._replace(phase=Phase.ENDED, holds_cable=True)
    assert judge_group("family", [held]) == Verdict(Outcome.RELEASE, (1,))


@pytest.mark.parametrize(
    ("seat", "worth"),
    [
        (EMPTY, True),
        (WAITING, True),
        (RUNNING, False),
        (RUNNING._replace(parent_id_tag="family"), True),
        (RUNNING._replace(parent_id_tag="family", phase=Phase.STOPPING), False),
        (RUNNING._replace(parent_id_tag="family", phase=Phase.ENDED, holds_cable=True), True),
        (WAITING._replace(closed="out of service"), False),
        (WAITING._replace(taken=True), False),
    ],
)
def test_the_backend_is_only_asked_when_something_could_follow(seat: Seat, worth: bool) -> None:
    assert is_worth_asking([seat], free_charging=False) is worth


def test_a_vehicle_that_has_waited_too_long_is_not_taken_for_the_next_drivers() -> None:
    late = WAITING._replace(timed_out=True)
    assert judged("abc1", late, Seat(2)) == (Outcome.AUTHORIZE, (2,))
    assert judged("abc1", late, Seat(2, vehicle=True)) == (Outcome.AUTHORIZE, (2,))
    assert judged("abc1", late, RUNNING._replace(connector=2, id_tag="x")) == (Outcome.AUTHORIZE, (1,))


def test_nothing_begins_on_a_closed_connector_and_the_reason_is_said() -> None:
    verdict = judge_start([WAITING._replace(closed="out of service")], False)
    assert verdict == Verdict(Outcome.REJECT, reason="out of service")


def test_an_authorization_that_is_asked_about_comes_last_and_ends_with_its_answer() -> None:
    asked = Pending("App", (1,), 0.0, "s", asking=True)
    good = Pending("b", (1,), 0.0, "s")
    assert authorization_for((asked, good), 1) is good
    assert confirmed((asked, good), "APP", "family")[0] == asked._replace(asking=False, parent_id_tag="family")
    assert refused((asked, good), "app") == (good,)
    assert refused((good,), "b") == (good,)


def test_nobody_waits_for_connectors_that_are_closed() -> None:
    pending = (Pending("a", (1, 2), 0.0, "s"), Pending("b", (2,), 0.0, "s", Plug("run", 1)))
    assert without_connectors(pending, (2,)) == (pending[0]._replace(connectors=(1,)),)
    assert without_connectors(pending, (3,)) is pending
