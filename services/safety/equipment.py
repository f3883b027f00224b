"""What is mounted, with what the settings say about it. Pure."""

from services.safety.settings import SafetySettings
from services.safety.state import Equipment

WITHOUT_FEEDBACK = "without feedback"
EMERGENCY_RELEASE = "with emergency release"
_ACTUATORS = ("with feedback", WITHOUT_FEEDBACK, EMERGENCY_RELEASE)
_WELD_INPUTS = {
    "Opto input 1": "opto_1",
    "Opto input 2": "opto_2",
    "230V input": "line",
    "230V input with PE check": "line",
}
_NORMALLY_CLOSED = "Normally closed"


def in_force(mounted: Equipment, settings: SafetySettings) -> Equipment:
    """`mounted`: the station file. CableAttached, EOActuatorType, WeldCheck and WeldCheckInType win over it.

    An input that a key names and that is not wired is never read, which is never good.
    """
    if mounted.outlet:
        # A domestic socket has no contactor, no lock and no cable that a key could speak of.
        return mounted
    inputs = set(mounted.inputs)
    weld_input = _WELD_INPUTS.get(settings.weld_check, "")
    if weld_input:
        inputs.add(weld_input)
    if settings.weld_check == "230V input with PE check":
        inputs.add("protective_earth")
    by_key = settings.weld_check == "Mirror contact"
    normally_closed = settings.weld_input_type == _NORMALLY_CLOSED
    actuator = settings.actuator.lower()
    fixed = settings.cable_attached is True
    return mounted._replace(
        socket=mounted.socket and not fixed,
        has_lock=mounted.has_lock and not fixed,
        mirror_contact=mounted.mirror_contact or by_key,
        mirror_normally_closed=normally_closed if by_key else mounted.mirror_normally_closed,
        weld_input=weld_input,
        weld_input_normally_closed=normally_closed,
        actuator=actuator if actuator in _ACTUATORS else mounted.actuator,
        inputs=frozenset(inputs),
    )


def ventilated(equipment: Equipment, settings: SafetySettings) -> bool:
    """State D charges here."""
    return equipment.ventilation and not settings.pause_in_state_d
