"""Commissioning: parts of a connector are tried with no vehicle present. Pure.

While an exercise runs, the connector's rules rest and nothing is offered; afterwards everything is proven anew. A
vehicle, a cable, a wish of the session or a reading that is missing ends it in the same step, with the safe outputs.
The process may die in the middle: the coil falls with its monoflop, and the next process begins with safe outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from hardware.interfaces import LockDrive
from schemas.faults import worst_first
from schemas.safety import Contactor
from schemas.session import Permission
from services.safety import faults, lock
from services.safety.readings import is_possible, letter_of
from services.safety.state import SAFE, ConnectorState, Equipment, Outputs, Readings
from services.safety.timings import PILOT_VALID_IDLE_S, SAMPLE_CONNECTED_S

RESTING = "being tried out by service (chargectl doctor --deep)"
STEP_S = SAMPLE_CONNECTED_S
LONGEST_S = 10.0
"""Of one exercise."""
NO_CABLE_OHM = 4500.0


class Verdict(NamedTuple):
    passed: bool
    words: str
    measured: Mapping[str, str] = MappingProxyType({})


class Turn(NamedTuple):
    outputs: Outputs
    verdict: Verdict | None = None
    """None = it goes on."""


class Part(Protocol):
    """What is tried, step by step: outputs for these readings, or a verdict."""

    def step(self, readings: Readings, now_s: float) -> Turn: ...


def refusal(state: ConnectorState, permission: Permission | None, now_s: float) -> str:
    """Why nothing can be tried now; empty = it can."""
    if state.equipment.outlet:
        return "a domestic socket has nothing to try out but its output"
    sight = state.pilot_sight
    stopping = [code for code in state.faults.active if faults.class_of(code) in faults.STOPPING]
    if state.memory.lockout or stopping:
        return f"a fault is active: {worst_first([*stopping, *filter(None, [state.memory.lockout])])[0]}"
    if lock.is_present(state):
        return "a vehicle or a cable is plugged in: unplug it first"
    if state.contactor.coil or state.contactor.phase is not Contactor.OPEN:
        return "the contactor is not proven open"
    if not state.qualified or sight.confirmed != "A" or sight.letter != "A":
        return "the connector is still starting, or its pilot does not show state A"
    if _is_used(permission, now_s):
        return "somebody is authorized here, or a transaction runs: try again when it has ended"
    if state.residual.testing or state.lock.exercise is not LockDrive.STOP:
        return "the connector tests itself at this moment: try again in a few seconds"
    return ""


def _is_used(permission: Permission | None, now_s: float) -> bool:
    if permission is None or now_s >= permission.until_s:
        return False
    return permission.may_charge or permission.hold_cable or bool(permission.transaction_id)


@dataclass
class Exercise:
    """One part of one connector. `equipment`: what is mounted there."""

    equipment: Equipment
    part: Part
    started_s: float
    outputs: Outputs = field(default=SAFE._replace(sample_period_s=STEP_S))

    def step(self, readings: Readings, permission: Permission | None, now_s: float) -> Turn:
        why = self._must_end(readings, permission, now_s)
        turn = Turn(SAFE, Verdict(False, why)) if why else self.part.step(readings, now_s)
        if turn.verdict is not None:
            turn = Turn(SAFE, turn.verdict)
        self.outputs = turn.outputs
        return turn

    def _must_end(self, readings: Readings, permission: Permission | None, now_s: float) -> str:
        levels, ohms = readings.pilot, readings.proximity
        if now_s - self.started_s > LONGEST_S:
            return "given up: it took longer than 10 s"
        if readings.trouble:
            return f"given up: {readings.trouble}"
        if levels is None or not is_possible(levels, now_s) or now_s - levels.sampled_s > PILOT_VALID_IDLE_S:
            return "given up: the pilot cannot be read"
        if letter_of(levels.high_v) in ("B", "C", "D", "E"):
            return "given up: something was plugged in"
        if self.equipment.socket and (ohms is None or ohms.ohm <= NO_CABLE_OHM):
            return "given up: a cable was plugged in"
        return "given up: somebody wants to charge" if _is_used(permission, now_s) else ""
