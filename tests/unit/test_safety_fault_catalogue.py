"""The catalogue of faults: one table, complete and without doubles."""

import re

import pytest

from schemas.faults import FAULTS, FaultClass, worst_first
from services.safety.causes import RULES

pytestmark = pytest.mark.unit

ERROR_CODES = {
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature", "InternalError",
    "LocalListConflict", "OtherError", "OverCurrentFailure", "OverVoltage", "PowerMeterFailure", "PowerSwitchFailure",
    "ReaderFailure", "ResetFailure", "UnderVoltage", "WeakSignal",
}  # fmt: skip
"""OCPP 1.6 ChargePointErrorCode without NoError."""


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_has_words_an_instruction_and_valid_codes(fault) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]+", fault.code)
    assert re.fullmatch(r"\d\d-\d\d-\d\d\d", fault.internal_code)
    assert fault.error_code in ERROR_CODES
    assert 5 <= len(fault.text) <= 50, "OCPP 1.6 limits StatusNotification.info to 50 characters"
    assert fault.instruction.endswith(".")


def test_internal_codes_are_unique_and_the_guides_own_stands_where_it_belongs() -> None:
    codes = [fault.internal_code for fault in FAULTS.values()]
    assert len(set(codes)) == len(codes)
    assert FAULTS["message_queue_full"].internal_code == "01-05-006"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("pilot_shorted", "Vehicle signals error"),
        ("pilot_diode", "Vehicle diode check failed - tamper detection"),
        ("contactor_welded", "Contactor welded"),
        ("lock_failed", "Plug locking failed"),
        ("message_queue_full", "Message queue is full"),
    ],
)
def test_texts_of_the_guide_stand_to_the_letter(code: str, text: str) -> None:
    assert FAULTS[code].text == text


def test_every_fault_of_the_safety_area_has_a_cause_and_the_other_way_round() -> None:
    assert {fault.code for fault in FAULTS.values() if fault.internal_code.startswith("02-")} == set(RULES)


def test_people_see_the_worst_fault_first() -> None:
    assert worst_first(["loop_overrun", "pilot_shorted", "contactor_welded"])[0] == "contactor_welded"
    ranks = [list("WDPSLX").index(FAULTS[code].fault_class.value) for code in worst_first(list(RULES))]
    assert ranks == sorted(ranks, reverse=True)
    assert FAULTS["contactor_welded"].fault_class is FaultClass.LOCKOUT
