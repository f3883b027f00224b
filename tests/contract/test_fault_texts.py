"""Texts, classes and error codes of faults and informative messages, held against the guide and the error list."""

import re
from pathlib import Path

import pytest

from schemas.faults import FAULTS, Fault
from schemas.notices import LONGEST_INFO, NOTICES
from services.describe_faults import RESERVED, page
from services.message_queue.books.notice_book import RESOLVED, resolved
from services.settings.table import KEYS

pytestmark = pytest.mark.contract

GUIDE = {
    # section 9.2
    "Energy is flowing to vehicle",
    "No energy flowing to vehicle",
    "Energy flow to vehicle is unknown",
    "Temperatures: CPU: [temp] RFID: [temp]",
    "Charging paused. Temperature: +XX.X C",
    "Signaled current reduced. Temperature: +XX.X C",
    "Signaled current back to nominal. Temp: +XX.X C",
    "Triggered status report",
    # section 9.3
    "Residual current detected via sensor",
    "Vehicle signals error",
    "Vehicle diode check failed - tamper detection",
    "MCB of type 2 socket triggered",
    "RCD may be triggered (OCPP meter power loss)",
    "Contactor welded",
    "Plug locking failed",
    "Housing temperature too high - charging paused",
    "Temperature reaches safety limit - emergency stop",
    "GSM SIM card is missing",
    "USB communication errors.",
    "Message queue is full",
    # section 9.4; "USB communication errors." stands there again
    "USB stick handling: Finalized - Remove USB stick",
    "USB stick handling failed - Remove USB stick",
}

ERROR_LIST = {
    "pilot_level_invalid": ("S", "EVCommunicationError"),
    "pilot_shorted": ("S", "EVCommunicationError"),
    "pilot_diode": ("L", "EVCommunicationError"),
    "pilot_output": ("S", "InternalError"),
    "proximity_invalid": ("L", "OtherError"),
    "proximity_lost": ("L", "OtherError"),
    "ventilation_required": ("P", "OtherError"),
    "residual_current_dc": ("L", "GroundFailure"),
    "residual_current_rms": ("L", "GroundFailure"),
    "residual_sensor_failed": ("L", "GroundFailure"),
    "residual_self_test_failed": ("L", "GroundFailure"),
    "rcd_tripped": ("S", "GroundFailure"),
    "rcd_maybe_tripped": ("S", "GroundFailure"),
    "mcb_tripped": ("S", "OverCurrentFailure"),
    "schuko_mcb_tripped": ("S", "OverCurrentFailure"),
    "monitoring_relay_tripped": ("S", "GroundFailure"),
    "surge_protection_spent": ("W", "OtherError"),
    "protective_earth_lost": ("L", "GroundFailure"),
    "overcurrent": ("S", "OverCurrentFailure"),
    "overcurrent_hard": ("S", "OverCurrentFailure"),
    "contactor_no_close": ("L", "PowerSwitchFailure"),
    "contactor_welded": ("X", "PowerSwitchFailure"),
    "contactor_no_open": ("W", "PowerSwitchFailure"),
    "contactor_unexpected_open": ("S", "PowerSwitchFailure"),
    "contactor_wear": ("W", "OtherError"),
    "contactor_worn_out": ("W", "OtherError"),
    "lock_failed": ("L", "ConnectorLockFailure"),
    "lock_unexpected_open": ("S", "ConnectorLockFailure"),
    "unlock_failed": ("W", "ConnectorLockFailure"),
    "temperature_derated": ("D", "HighTemperature"),
    "temperature_high": ("P", "HighTemperature"),
    "temperature_limit": ("S", "HighTemperature"),
    "plug_overheated": ("S", "HighTemperature"),
    "temperature_sensor_lost": ("D", "OtherError"),
    "undervoltage": ("P", "UnderVoltage"),
    "overvoltage": ("P", "OverVoltage"),
    "phase_missing": ("W", "OtherError"),
    "phase_sequence": ("W", "OtherError"),
    "tampered": ("W", "OtherError"),
    "emergency_stop": ("L", "OtherError"),
    "tilted": ("L", "OtherError"),
    "flooded": ("L", "OtherError"),
    "board_trouble": ("S", "InternalError"),
    "output_mismatch": ("S", "InternalError"),
    "loop_overrun": ("W", "InternalError"),
}
"""Class and OCPP error code of each row of the error list that is of the safety service. A weld is locked out; the
contactor that only opens slowly is told."""


def _as_the_guide_writes(text: str) -> str:
    text = text.replace("{cpu}", "[temp]").replace("{rfid}", "[temp]")
    return re.sub(r"\{temperature\}", "+XX.X C", text)


def test_the_22_strings_of_the_guide_stand_in_the_catalogues_to_the_letter() -> None:
    ours = {fault.text for fault in FAULTS.values()} | {_as_the_guide_writes(kind.text) for kind in NOTICES.values()}
    assert len(GUIDE) == 22
    assert GUIDE - ours == set()


@pytest.mark.parametrize("code", ERROR_LIST)
def test_class_and_error_code_are_those_of_the_error_list(code: str) -> None:
    fault = FAULTS[code]
    assert (fault.fault_class.value, fault.error_code) == ERROR_LIST[code]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_text_and_its_end_fit_and_nothing_is_cut(fault: Fault) -> None:
    assert len(fault.text) <= LONGEST_INFO
    whole = fault.text + RESOLVED
    told = resolved(fault.code, fault.text)
    assert told == (fault.resolved or whole)
    assert len(told) <= LONGEST_INFO
    assert told.endswith(RESOLVED)
    assert bool(fault.resolved) is (len(whole) > LONGEST_INFO), "its own words only where the whole text has no room"


def test_every_end_is_told_in_words_that_belong_to_one_text() -> None:
    ends = {resolved(fault.code, fault.text) for fault in FAULTS.values()}
    assert len(ends) == len({fault.text for fault in FAULTS.values()})


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_instruction_names_only_keys_that_something_reads(fault: Fault) -> None:
    named = KEYS.keys() & re.findall(r"[A-Za-z0-9]+", fault.instruction)
    assert [name for name in named if not KEYS[name].consumers] == []


def test_the_page_of_faults_is_up_to_date() -> None:
    kept = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    assert kept == page(), "run: python -m services.describe_faults > docs/faults.md"


def test_exactly_what_nothing_raises_is_called_reserved() -> None:
    root = Path(__file__).resolve().parents[2]
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("services", "chargectl", "hardware")
        for path in (root / folder).rglob("*.py")
        if path.name != "describe_faults.py"
    )
    assert {code for code in (*FAULTS, *NOTICES) if f'"{code}"' not in sources} == set(RESERVED)
