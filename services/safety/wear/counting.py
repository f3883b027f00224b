"""Counts what wears out: openings under load and plugs put in. The closings are counted where the coil is switched."""

from services.safety import lock
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import UNPLUGGED_S

READING_VALID_S = 5.0
"""The meter is asked once a second; an older reading says nothing about this opening."""


def count_opening(state: ConnectorState, moment: Moment) -> None:
    """The coil is switched off, whatever for; `state` still knows since when it was on."""
    if _under_load(state, moment):
        state.memory.contactor_load_cycles += 1


def follow(state: ConnectorState, moment: Moment) -> None:
    """What follows once coil and pilot are decided."""
    _count_plugs(state, moment)


def _under_load(state: ConnectorState, moment: Moment) -> bool:
    """By the latest reading of the meter from this closing. Without one nothing is counted."""
    meter = moment.readings.meter
    if meter is None or meter.current_a is None or meter.sampled_s < state.contactor.on_s:
        return False
    if moment.now_s - meter.sampled_s > READING_VALID_S:
        return False
    return max(map(abs, meter.current_a)) > state.settings.load_threshold_a


def _count_plugs(state: ConnectorState, moment: Moment) -> None:
    """A plug counts once however often its contacts or the process flicker: it must be away for a second."""
    wear, memory = state.wear, state.memory
    if lock.is_present(state):
        wear.absent_s = None
        if not memory.cable_in:
            memory.cable_in, memory.plug_cycles = True, memory.plug_cycles + 1
        return
    if state.pilot_sight.confirmed != "A":
        return
    wear.absent_s = moment.now_s if wear.absent_s is None else wear.absent_s
    if after(wear.absent_s, UNPLUGGED_S, moment):
        memory.cable_in = False
