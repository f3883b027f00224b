"""One phase or three: who may ask, how often, and what the relay is asked for."""

from dataclasses import replace

import pytest

from bus.clock import Now
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import StopReason
from schemas.settings import SettingsSnapshot
from services.session.connectors.phase_wish import phases_of
from services.session.connectors.situation import Situation
from services.session.keys import Keys, read_keys
from services.session.limits import phases
from services.session.transactions.record import Stop, Transaction
from services.session.transactions.rules import Presence
from tests.unit.test_session_rules import TRANSACTION

pytestmark = pytest.mark.unit

SAFETY = SafetyConnector(
    connector=1,
    state=PilotState.C2,
    contactor=Contactor.CLOSED,
    lock=Lock.LOCKED,
    vehicle_connected=True,
    cable_plugged=True,
    rated_a=32.0,
    cable_limit_a=32.0,
)


def keys(**values: str) -> Keys:
    names = {"PhaseSwitchingFunction": "By command", "ConnectorSwitch3to1PhaseSupported": "true", **values}
    return read_keys(SettingsSnapshot(revision=1, values=names))


BASE = Situation(
    connector=1,
    has_meter=True,
    start_id=TRANSACTION.start_id,
    now=Now(100.0, 2000.0),
    safety=SAFETY,
    safety_fresh=True,
    presence=Presence.PRESENT,
    keys=keys(),
    switches_phases=True,
)
STOPPING = replace(TRANSACTION, stop=Stop(StopReason.LOCAL, 1.0), phases_wanted=1)
ENDED = replace(STOPPING, meter_stop_wh=700)


@pytest.mark.parametrize(
    ("wanted", "fitted", "supported", "enabled", "words"),
    [
        (1, True, True, True, ""),
        (3, True, True, True, ""),
        (0, True, True, True, ""),
        (2, True, True, True, "with 1 phase or with 3"),
        (1, False, True, True, "phase_switching"),
        (1, True, False, True, "ConnectorSwitch3to1PhaseSupported"),
        (1, True, True, False, "PhaseSwitchingFunction"),
        (1, False, False, False, "phase_switching"),
    ],
)
def test_a_refusal_names_the_first_thing_to_change(
    wanted: int, fitted: bool, supported: bool, enabled: bool, words: str
) -> None:
    said = phases.refusal(wanted, fitted=fitted, supported=supported, enabled=enabled)
    assert words in said
    assert bool(said) is bool(words)


@pytest.mark.parametrize(
    ("changed_s", "now_s", "words"),
    [
        (0.0, 5.0, ""),
        (100.0, 100.0, "changed 0 s ago: try again in 60 s"),
        (100.0, 159.9, "changed 60 s ago: try again in 1 s"),
        (100.0, 160.0, ""),
        (100.0, 1e6, ""),
    ],
)
def test_a_minute_lies_between_two_changes(changed_s: float, now_s: float, words: str) -> None:
    said = phases.too_soon(changed_s, now_s)
    assert words in said
    assert bool(said) is bool(words)


@pytest.mark.parametrize(
    ("transaction", "presence", "asked"),
    [
        (TRANSACTION, Presence.PRESENT, 3),
        (replace(TRANSACTION, phases_wanted=1), Presence.PRESENT, 1),
        (replace(TRANSACTION, phases_wanted=3), Presence.PRESENT, 3),
        (replace(TRANSACTION, phases_wanted=1), Presence.GONE, 1),
        (replace(TRANSACTION, phases_wanted=1, start_id="before"), Presence.PRESENT, 0),
        (STOPPING, Presence.PRESENT, 0),
        (STOPPING, Presence.GONE, 0),
        (ENDED, Presence.PRESENT, 0),
        (ENDED, Presence.GONE, 3),
        (None, Presence.GONE, 3),
        (None, Presence.PRESENT, 0),
        (None, Presence.UNKNOWN, 0),
    ],
)
def test_a_wish_lives_as_long_as_its_transaction_and_nobody_is_switched_without_one(
    transaction: Transaction | None, presence: Presence, asked: int
) -> None:
    s = replace(BASE, transaction=transaction, presence=presence)
    assert phases_of(s) == asked


def test_free_charging_without_a_meter_has_every_phase() -> None:
    free = replace(BASE, has_meter=False, keys=keys(FreeCharging="true"))
    assert phases_of(free) == 3


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        ({"keys": None}, 0),
        ({"switches_phases": False}, 0),
        ({"keys": keys(PhaseSwitchingFunction="Disabled")}, 3),
        ({"keys": keys(PhaseSwitchingFunction="")}, 3),
        ({"keys": keys(ConnectorSwitch3to1PhaseSupported="false")}, 3),
    ],
)
def test_the_relay_stays_while_nothing_is_known_and_goes_back_when_nobody_may_ask(
    changed: dict[str, object], asked: int
) -> None:
    one = replace(TRANSACTION, phases_wanted=1)
    assert phases_of(replace(BASE, transaction=one, **changed)) == asked  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("relay", "wired", "fitted", "given"),
    [(1, 3, True, 1), (3, 3, True, 3), (0, 3, True, 0), (0, 3, False, 3), (0, 1, False, 1)],
)
def test_the_vehicle_is_given_what_the_relay_proves(relay: int, wired: int, fitted: bool, given: int) -> None:
    assert phases.offered(relay, wired, fitted=fitted) == given
