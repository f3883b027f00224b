"""What the watch of the bus takes for a broken invariant."""

import pytest

from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import Permission
from tests.invariants_of_recordings import BusBook

pytestmark = pytest.mark.unit

UNTIL_S = 110.0
CHARGING = {
    "connector": 1, "state": PilotState.C2, "contactor": Contactor.CLOSED, "lock": Lock.LOCKED,
    "vehicle_connected": True, "cable_plugged": True, "run_id": "a", "offered_a": 16.0, "cable_limit_a": 32.0,
    "rated_a": 32.0, "permission_until_s": UNTIL_S, "contactor_cycles": 7, "plug_count": 1,
}  # fmt: skip


def said(**changes: object) -> SafetyConnector:
    return SafetyConnector(**{**CHARGING, **changes})  # type: ignore[arg-type]


def book(limit_a: float = 16.0, may_charge: bool = True) -> BusBook:
    made = BusBook()
    made.permit(Permission(connector=1, may_charge=may_charge, limit_a=limit_a, hold_cable=True, until_s=UNTIL_S))
    return made


def numbers(made: BusBook) -> list[int]:
    return [int(words.split()[1]) for words in made.broken]


def test_a_charge_breaks_nothing() -> None:
    made = book()
    made.see(said(state=PilotState.B2, contactor=Contactor.OPEN), 100.0)
    made.see(said(contactor=Contactor.CLOSING), 103.0)
    made.see(said(), 103.1)
    made.see(said(offered_a=0.0, state=PilotState.C1), 104.0)
    made.see(said(offered_a=0.0, state=PilotState.B1, contactor=Contactor.OPEN), 105.0)
    made.see(said(state=PilotState.B2, contactor=Contactor.OPEN), 109.1)
    made.see(said(), 110.0)
    assert (made.broken, made.heard) == ([], 7)


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (1, {"state": PilotState.B1, "offered_a": 0.0}),
        (4, {"faults": ("pilot_shorted",), "offered_a": 0.0}),
        (4, {"faults": ("temperature_high",)}),
        (9, {"state": PilotState.C1}),
        (10, {"cable_limit_a": 13.0}),
        (10, {"offered_a": 17.0}),
        (11, {"permission_until_s": 0.0}),
        (16, {"lock": Lock.UNLOCKING}),
        (17, {"state": PilotState.A, "offered_a": 0.0}),
    ],
)
def test_one_message_that_cannot_be(number: int, changes: dict[str, object]) -> None:
    made = book()
    made.see(said(**changes), 100.0)
    assert number in numbers(made)


def test_an_offer_while_the_lease_that_safety_names_does_not_permit() -> None:
    made = book(may_charge=False)
    made.see(said(), 100.0)
    assert 32 in numbers(made)


@pytest.mark.parametrize(
    ("number", "first", "second"),
    [
        (21, {}, {"contactor_cycles": 6}),
        (22, {"offered_a": 10.0}, {"offered_a": 16.0}),
    ],
)
def test_one_message_that_may_not_follow_another(
    number: int, first: dict[str, object], second: dict[str, object]
) -> None:
    made = book()
    made.see(said(**first), 100.0)
    made.see(said(**second), 104.0)
    assert numbers(made) == [number]


def test_closing_and_offering_again_too_soon() -> None:
    made = book()
    made.see(said(state=PilotState.B2, contactor=Contactor.OPEN), 99.0)
    made.see(said(), 100.0)
    made.see(said(state=PilotState.B1, contactor=Contactor.OPEN, offered_a=0.0), 101.0)
    made.see(said(), 104.0)
    assert sorted(numbers(made)) == [20, 22]


def test_a_new_process_begins_anew() -> None:
    made = book()
    made.see(said(contactor_cycles=8), 100.0)
    made.see(
        said(run_id="b", contactor_cycles=7, contactor=Contactor.OPEN, offered_a=0.0, state=PilotState.BOOT), 101.0
    )
    assert made.broken == []
