"""What the session says, and what no lease may do: from the past or the future, contradictory, not a number."""

import math

import pytest

from hardware.interfaces import PilotMode
from schemas.session import Permission
from services.safety.permission import grant
from tests.safety_rig import Rig

pytestmark = pytest.mark.bench


def lease(rig: Rig, **changes: object) -> Permission:
    said = {
        "connector": 1,
        "may_charge": True,
        "limit_a": 32.0,
        "hold_cable": True,
        "until_s": rig.now_s + 10.0,
        **changes,
    }
    return Permission(**said)  # type: ignore[arg-type]


def charging() -> Rig:
    rig = Rig()
    rig.charge()
    rig.run(1.0)
    assert rig.coil
    rig.session_alive = False
    return rig


def hear(rig: Rig, said: Permission | None) -> None:
    rig.lease = said
    rig.step()


GIVES_NOTHING = {
    "from the past": lambda rig: lease(rig, until_s=rig.now_s - 0.001),
    "of another boot": lambda rig: lease(rig, until_s=12.0),
    "before the boot": lambda rig: lease(rig, until_s=-1.0),
    "ends now": lambda rig: lease(rig, until_s=rig.now_s),
    "too long": lambda rig: lease(rig, until_s=rig.now_s + 60.0),
    "for ever": lambda rig: lease(rig, until_s=math.inf),
    "end is no number": lambda rig: lease(rig, until_s=math.nan),
    "of another connector": lambda rig: lease(rig, connector=2),
    "of no connector": lambda rig: lease(rig, connector=0),
    "limit is no number": lambda rig: lease(rig, limit_a=math.nan),
    "no current": lambda rig: lease(rig, limit_a=0.0),
    "negative current": lambda rig: lease(rig, limit_a=-32.0),
    "less than 6 A": lambda rig: lease(rig, limit_a=5.999),
    "not charging, with a limit": lambda rig: lease(rig, may_charge=False),
    "none": lambda _rig: None,
}


@pytest.mark.parametrize("name", GIVES_NOTHING)
def test_such_a_lease_ends_a_running_offer_in_the_step_that_hears_it(name: str) -> None:
    rig = charging()
    hear(rig, GIVES_NOTHING[name](rig))
    assert rig.outputs.mode is PilotMode.X1
    rig.run(6.2)
    assert not rig.coil


@pytest.mark.parametrize("name", GIVES_NOTHING)
def test_such_a_lease_begins_nothing(name: str) -> None:
    rig = Rig()
    rig.session_alive = False
    rig.run(12.0)
    rig.plug()
    rig.vehicle("C")
    for _ in range(40):
        hear(rig, GIVES_NOTHING[name](rig))
        rig.run(0.25)
        assert rig.outputs.mode is not PilotMode.PWM
        assert not rig.coil


@pytest.mark.parametrize("limit_a", [math.inf, 1e9, 33.0])
def test_a_limit_beyond_the_rating_offers_the_rating(limit_a: float) -> None:
    rig = charging()
    hear(rig, lease(rig, limit_a=limit_a))
    assert rig.coil
    assert rig.outputs.permille <= 533


def test_the_same_lease_again_and_again_lasts_no_longer_than_it_says() -> None:
    rig = charging()
    said = lease(rig)
    for _ in range(95):
        hear(rig, said)
        rig.run(0.1)
    assert rig.coil
    rig.run(0.7)
    hear(rig, said)
    assert rig.outputs.mode is PilotMode.X1


def test_leases_that_contradict_each_other_never_close_more_often_than_every_5_s() -> None:
    """The checker holds invariant 20 at every step; the last word counts."""
    rig = charging()
    for turn in range(200):
        hear(rig, lease(rig, may_charge=turn % 2 == 0, hold_cable=turn % 3 == 0, release_cable=turn % 5 == 0))
        rig.run(0.1)
    hear(rig, lease(rig, may_charge=False))
    rig.run(6.2)
    assert not rig.coil


def test_a_lease_that_holds_and_releases_the_cable_holds_it() -> None:
    rig = charging()
    hear(rig, lease(rig, may_charge=False, release_cable=True))
    rig.run(8.0)
    assert not rig.coil
    assert rig.shown.lock.value == "locked"


@pytest.mark.parametrize("phases", [-1, 2, 4, 1000])
def test_an_impossible_number_of_phases_leaves_the_relay_as_it_is(phases: int) -> None:
    rig = charging()
    assert grant(lease(rig, phases=phases), 1, rig.now_s).phases == 0
