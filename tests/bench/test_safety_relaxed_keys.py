"""What a relaxed check still guarantees, in every combination of the keys that relax one (table of `docs/safety.md`).

The invariants are checked at every step, as in every test of the rig.
"""

import re
from itertools import product
from pathlib import Path

import pytest

from schemas.safety import PilotState
from services.safety.settings import FIELDS, SafetySettings
from tests.safety_configurations import Configuration
from tests.safety_rig import RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench

RELAXING = {
    "CPDiodeDetection": (True, False),
    "PauseChargingStateD": (True, False),
    "WeldCheck": ("Disable", "Opto input 1", "230V input"),
    "CableAttached": (None, True),
    "EOActuatorType": ("", "Without feedback"),
    "RCDENABLE": ("On", "Off"),
    "RCMBIEC62955Mode": ("IEC62752", "IEC62955"),
    "RCDAUTORECLOSURE": (False, True),
}
COMBINATIONS = [
    RATED_32_A._replace(**{FIELDS[key][0]: value for key, value in zip(RELAXING, values, strict=True)})
    for values in product(*RELAXING.values())
]
SAMPLE = COMBINATIONS[::53]
"""53 is prime to the numbers of values: each value is among them."""


def configuration(keys: SafetySettings) -> Configuration:
    contacts = {"Disable": "rcd", "Opto input 1": "opto_1", "230V input": "line"}
    equipment = SOCKET._replace(
        residual_sensor=True,
        mirror_contact=keys.weld_check == "Disable",
        inputs=frozenset({"rcd", contacts[keys.weld_check]}),
    )
    return Configuration("relaxed", equipment, keys, healthy={"contacts": {"rcd": False}})


def opens(rig: Rig, within_s: float) -> None:
    rig.until(lambda: not rig.coil, within_s)


def trips(rig: Rig, **flags: bool) -> None:
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(**flags)


def guarantees_hold(keys: SafetySettings) -> None:
    charging = configuration(keys).charging()
    fixed = keys.cable_attached is True

    rig = charging.twin()
    rig.world.diode = False
    opens(rig, 0.2)
    rig.run(1.0)
    assert rig.name is PilotState.LATCHED

    rig = charging.twin()
    rig.vehicle("D")
    opens(rig, 0.2 if keys.pause_in_state_d else 6.2)
    rig.run(8.0)
    assert not rig.coil, "there is no ventilation"

    rig = charging.twin()
    rig.world.lock_opens = True
    rig.run(0.2)
    assert rig.coil is fixed, "a reading that says otherwise is believed, whatever the actuator"

    rig = charging.twin()
    trips(rig, dc_trips=True)
    opens(rig, 1.1)

    rig = charging.twin()
    trips(rig, rms_trips=True)
    rig.run(1.1)
    assert rig.coil is (keys.residual_mode == "IEC62955")

    rig = charging.twin()
    rig.world.contacts = {**rig.world.contacts, "rcd": True}
    rig.run(0.2)
    assert rig.coil is (keys.rcd == "Off")

    rig = charging.twin()
    rig.world.welded = True
    rig.allow(False)
    rig.vehicle("B")
    rig.run(2.0)
    assert not rig.coil
    if keys.weld_check != "230V input":
        assert rig.name is PilotState.LOCKOUT


def test_the_table_of_the_page_lists_these_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "safety.md").read_text(encoding="utf-8")
    table = page.partition("## What a relaxed check still guarantees")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(RELAXING)


def test_every_value_of_every_key_is_in_the_sample() -> None:
    for key, values in RELAXING.items():
        assert {getattr(keys, FIELDS[key][0]) for keys in SAMPLE} == set(values)


@pytest.mark.parametrize("keys", SAMPLE, ids=range(len(SAMPLE)))
def test_what_a_relaxed_key_leaves_holds_beside_every_other(keys: SafetySettings) -> None:
    guarantees_hold(keys)


@pytest.mark.long
@pytest.mark.parametrize("weld_check", RELAXING["WeldCheck"])
def test_what_a_relaxed_key_leaves_holds_in_every_combination(weld_check: str) -> None:
    for keys in COMBINATIONS:
        if keys.weld_check == weld_check:
            guarantees_hold(keys)
