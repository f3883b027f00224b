"""The contact of a grid operator or an energy manager that limits the current (EnergyManInputPowerLimitCfg)."""

import math

from services.safety.state import ConnectorState, Moment
from services.safety.timings import FEEDBACK_VALID_S

NAME = "energy_management"


def observe(state: ConnectorState, moment: Moment) -> None:
    """A contact that is not wired, or cannot be read, limits: whoever turned this on relies on it."""
    if not state.settings.energy_input:
        state.supply.managed = False
        return
    read = moment.readings.inputs.get(NAME) if NAME in state.equipment.inputs else None
    state.supply.managed = read is None or moment.now_s - read.sampled_s > FEEDBACK_VALID_S or read.closed
    if read is not None:
        moment.wake(read.sampled_s + FEEDBACK_VALID_S + 1e-5)


def limit(state: ConnectorState) -> tuple[float, str]:
    """(EnergyManInputPowerCurrentLim in amperes, words); 0 pauses; (inf, "") = the contact is at rest."""
    if not state.supply.managed:
        return math.inf, ""
    if NAME not in state.equipment.inputs:
        return state.settings.energy_input_limit_a, "the energy management input is on in the settings and not wired"
    return state.settings.energy_input_limit_a, "the energy management input"
