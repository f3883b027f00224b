"""Inputs and outputs of the simulated controller: contacts, what they are wired to, pins that stick."""

import math
from typing import Any

import pytest

from hardware.sim.site import ConnectorDescription, Refusal, Site, SiteDescription

pytestmark = pytest.mark.unit

START_S = 1000.0


def site_of(inputs: dict[str, bool], connectors: int = 1, outputs: tuple[str, ...] = ()) -> Site:
    described = {number: ConnectorDescription() for number in range(1, connectors + 1)}
    site = Site(SiteDescription(described, inputs=inputs, outputs=outputs), now_s=START_S)
    site.feed(START_S)
    site.monoflop.enabled_until_s = math.inf
    return site


@pytest.mark.parametrize("normally_closed", [False, True])
@pytest.mark.parametrize("active", [False, True])
def test_a_raw_contact_is_active_or_not_as_it_is_wired(normally_closed: bool, active: bool) -> None:
    site = site_of({"emergency_stop": normally_closed})
    assert site.inputs.contacts() == {"emergency_stop": normally_closed}
    before = site.revision
    site.set_input("emergency_stop", active)
    assert site.inputs.contacts() == {"emergency_stop": active is not normally_closed}
    assert site.state()["inputs"] == {"emergency_stop": active}
    assert site.revision > before, "whoever reads is woken"
    site.set_input("emergency_stop", None)
    assert site.inputs.contacts() == {"emergency_stop": normally_closed}


def test_what_is_not_wired_cannot_be_set_or_wired() -> None:
    site = site_of({"tamper": False})
    words = r"no input 'tilt' is wired; wired are tamper; .*station file"
    with pytest.raises(Refusal, match=words):
        site.set_input("tilt", True)
    with pytest.raises(Refusal, match=words):
        site.wire("tilt", "rcd")


def test_protective_earth_is_active_until_it_breaks() -> None:
    site = site_of({"protective_earth": False})
    assert site.inputs.active("protective_earth")
    site.fault("pe_break", 1, True)
    assert not site.inputs.active("protective_earth")


def test_the_line_input_sees_l1_behind_the_contactor() -> None:
    site = site_of({"line": False})
    assert not site.inputs.active("line")
    site.command_contactor(1, True)
    site.advance(START_S + 0.1)
    assert site.inputs.active("line")
    site.fault("weld_l1", 1, True)
    site.command_contactor(1, False)
    site.advance(START_S + 1.0)
    assert site.inputs.active("line")
    site.fault("mains_loss", 1, True)
    assert not site.inputs.active("line")


def test_an_input_of_connector_2_follows_connector_2() -> None:
    site = site_of({"rcd": False, "rcd.2": True}, connectors=2)
    site.fault("rcd_trip", 2, True)
    assert site.inputs.contacts() == {"rcd": False, "rcd.2": False}
    site.fault("rcd_trip", 1, True)
    assert site.inputs.contacts() == {"rcd": True, "rcd.2": False}


def test_a_free_input_can_be_wired_to_the_mirror_contact() -> None:
    site = site_of({"opto_1": False, "opto_2": True}, connectors=2)
    site.wire("opto_1", "mirror")
    site.wire("opto_2", "mirror.2")
    site.command_contactor(1, True)
    site.command_contactor(2, True)
    site.advance(START_S + 0.1)
    assert site.inputs.contacts() == {"opto_1": True, "opto_2": False}
    again = Site(site.description, site.dump(), 5000.0)
    again.feed(5000.0)
    again.command_contactor(1, True)
    again.advance(5000.1)
    assert again.inputs.contacts() == {"opto_1": True, "opto_2": True}
    with pytest.raises(Refusal, match="mirror"):
        site.wire("opto_1", "moon")
    with pytest.raises(Refusal):
        site.wire("opto_1", "mirror.3")


def test_what_a_hand_holds_hides_what_a_contact_is_wired_to() -> None:
    site = site_of({"rcd": False})
    site.set_input("rcd", False)
    site.fault("rcd_trip", 1, True)
    assert not site.inputs.active("rcd")
    site.set_input("rcd", None)
    assert site.inputs.active("rcd")


def test_a_pin_does_what_is_driven_and_a_stuck_one_does_not() -> None:
    site = site_of({}, outputs=("auxiliary", "relay_2"))
    site.drive_output("relay_2", True)
    assert site.outputs.pins == {"auxiliary": False, "relay_2": True}
    site.fault("output_stuck", 1, True, 2.0)
    site.drive_output("relay_2", False)
    site.drive_output("auxiliary", True)
    assert site.outputs.pins == {"auxiliary": True, "relay_2": True}
    site.fault("output_stuck", 1, False)
    assert site.outputs.pins == {"auxiliary": True, "relay_2": False}
    site.drive_output("nowhere", True)
    assert site.state()["outputs"] == {"auxiliary": True, "relay_2": False}


def test_a_stuck_auxiliary_output_trips_nothing_before_it_moves() -> None:
    site = site_of({}, outputs=("auxiliary",))
    site.fault("output_stuck", 1, True, 1.0)
    site.drive_output("auxiliary", True)
    assert site.connectors[1].upstream.rcd_closed
    site.fault("output_stuck", 1, False)
    assert not site.connectors[1].upstream.rcd_closed


def test_what_hands_hold_survives_and_what_is_no_longer_wired_is_forgotten() -> None:
    site = site_of({"tamper": False, "tilt": False})
    site.set_input("tamper", True)
    site.set_input("tilt", True)
    fewer = SiteDescription({1: ConnectorDescription()}, inputs={"tamper": False})
    again = Site(fewer, site.dump(), 5000.0)
    assert again.inputs.states() == {"tamper": True}


OLD: dict[str, Any] = {"version": 1, "connectors": {"1": {"cable_a": 32}}, "inputs": {"door": True}}


def test_a_memory_of_before_there_was_equipment_is_understood() -> None:
    site = Site(SiteDescription({1: ConnectorDescription()}), OLD, START_S)
    assert site.connectors[1].cable_a == 32
    assert site.connectors[1].upstream.closed
    assert site.inputs.states() == {}
