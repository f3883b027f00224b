"""One connector's life in `bench stop`: a car comes, charges, is stopped in one of five ways, leaves, and again."""

import math
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial

from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s
from chargectl.bench.stop_rig import StopRig
from schemas.safety import Contactor, PilotState
from services.safety.timings import CONFIRM_C_S, DIODE_S, OPEN_FILTER_S, SAMPLE_CONNECTED_S

FILTER_S = {
    "s2": OPEN_FILTER_S,
    "unplug": OPEN_FILTER_S,
    "pilot_short": OPEN_FILTER_S,
    "diode": DIODE_S,
    "state_d": CONFIRM_C_S,
}
"""What the state table prescribes between the edge and the coil, by kind of stop."""
BY_SAMPLE = ("state_d",)
"""Confirmed by a sample: the first one of the 20 ms grid after that time."""
ROWS = {"s2": "F1", "unplug": "F2", "pilot_short": "F4", "diode": "F9", "state_d": "F12"}
"""Of the fault-injection table."""
FAULTS = {"diode": "diode", "pilot_short": "pilot_short", "state_d": "ventilation"}
"""Names of the simulated faults."""
CHARGES_WITHIN_S, OPENS_WITHIN_S, LEAVES_WITHIN_S = 60.0, 5.0, 30.0
CHARGES_S = (0.3, 0.9)
"""Shortest and longest time between the closing of the contactor and the stop."""
AWAY_S = 1.5
"""State A for a second clears what waits for an unplug."""


@dataclass(frozen=True)
class Stop:
    """All times boot clock."""

    kind: str
    edge_s: float
    """The world sent the edge."""
    coil_off_s: float
    """`safety` had written the coil command."""
    opened_s: float
    """The main contacts opened, as the world saw it."""

    @property
    def reaction_s(self) -> float:
        """Without the time that the state table prescribes."""
        end_s = self.edge_s + FILTER_S[self.kind]
        if self.kind in BY_SAMPLE:
            end_s = math.ceil(end_s / SAMPLE_CONNECTED_S) * SAMPLE_CONNECTED_S
        return self.coil_off_s - end_s


@dataclass(frozen=True)
class Wait:
    happened: Callable[[], bool]
    what: str
    within_s: float


Script = Generator[Wait, None, None]


def cycle(
    rig: StopRig, number: int, kinds: Iterator[str], chance: random.Random, done: Callable[[Stop | None], None]
) -> Script:
    """Endless; yields what it waits for next, and hands each measured stop to `done`: None = one nobody asked for."""
    yield _pause(chance.uniform(0.0, 6.0))
    for kind in kinds:
        ready_after_s = round(chance.uniform(0.05, 0.3), 3)
        rig.world.ask("plug_in", connector=number, ev={"ready_after_s": ready_after_s})
        yield Wait(partial(charges_or_never_will, rig, number), f"{number} charges", CHARGES_WITHIN_S)
        yield _pause(chance.uniform(*CHARGES_S))
        if _contactor(rig, number) is not Contactor.CLOSED:
            done(None)
            yield from _leave(rig, number, "", chance)
            continue
        edge_s = _stop(rig, number, kind)
        yield Wait(partial(_has_opened, rig, number, edge_s), f"{number} opens after {kind}", OPENS_WITHIN_S)
        done(_measured(rig, number, kind, edge_s))
        yield from _leave(rig, number, kind, chance)


def _stop(rig: StopRig, number: int, kind: str) -> float:
    """Boot-clock time at which the world sent the edge."""
    if kind == "unplug":
        answer = rig.world.ask("plug_out", connector=number, force=True)
    elif kind == "s2":
        answer = rig.world.ask("ev_pause", connector=number)
    else:
        answer = rig.world.ask("fault", name=FAULTS[kind], connector=number, on=True)
    sent_s = answer.get("pilot_sent_s", {}).get(str(number))
    if sent_s is None:
        raise BenchError(f"connector {number}: {kind} changed nothing on the pilot")
    return float(sent_s)


def _measured(rig: StopRig, number: int, kind: str, edge_s: float) -> Stop:
    said = rig.connector(number)
    assert said is not None
    seen = rig.world.ask("state")["connectors"][str(number)]
    return Stop(kind, edge_s, said.coil_off_s, float(seen["contactor_opened_s"]))


def _leave(rig: StopRig, number: int, kind: str, chance: random.Random) -> Script:
    if kind in FAULTS:
        rig.world.ask("fault", name=FAULTS[kind], connector=number, on=False)
    if kind != "unplug":
        rig.world.ask("plug_out", connector=number, force=True)
    yield Wait(lambda: not _vehicle(rig, number), f"{number} sees the car leave", LEAVES_WITHIN_S)
    yield _pause(AWAY_S + chance.uniform(0.0, 0.5))


def _pause(seconds: float) -> Wait:
    until_s = boot_s() + seconds
    return Wait(lambda: boot_s() >= until_s, f"{seconds:.1f} s pass", seconds + 60.0)


def _contactor(rig: StopRig, number: int) -> Contactor:
    said = rig.connector(number)
    return said.contactor if said is not None else Contactor.UNKNOWN


def charges_or_never_will(rig: StopRig, number: int) -> bool:
    """A process that waits 200 ms for a core takes its contactor for one that does not close: until the unplug."""
    said = rig.connector(number)
    return said is not None and (said.contactor is Contactor.CLOSED or said.state is PilotState.LATCHED)


def _vehicle(rig: StopRig, number: int) -> bool:
    said = rig.connector(number)
    return said is None or said.vehicle_connected


def _has_opened(rig: StopRig, number: int, edge_s: float) -> bool:
    said = rig.connector(number)
    return said is not None and said.contactor is Contactor.OPEN and said.coil_off_s >= edge_s


class Cast:
    """All connectors' scripts, played together."""

    def __init__(self, rig: StopRig, scripts: list[Script]) -> None:
        self._rig = rig
        self._waiting: dict[int, tuple[Script, Wait, float]] = {}
        for place, script in enumerate(scripts):
            self._advance(place, script)

    def _advance(self, place: int, script: Script) -> None:
        wait = next(script)
        self._waiting[place] = (script, wait, boot_s() + wait.within_s)

    def turn(self) -> None:
        """Raises BenchError when a connector waits for too long."""
        self._rig.turn(0.005)
        for place, (script, wait, deadline_s) in list(self._waiting.items()):
            if wait.happened():
                self._advance(place, script)
            elif boot_s() > deadline_s:
                number = place + 1
                raise BenchError(
                    f"not within {wait.within_s:g} s: {wait.what}; safety says {self._rig.connector(number)}"
                )
