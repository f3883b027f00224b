"""A search through everything that a few events can do together, in every configuration of a connector.

Every step is checked by `tests/invariants.py`; from the states found, the way to an end is looked for (invariant 40).
"""

import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from schemas.faults import FAULTS, FaultClass
from schemas.safety import PilotState
from services.safety.timings import REMEMBERED_S
from tests.safety_configurations import CONFIGURATIONS, Configuration, flip, unplugged
from tests.safety_rig import Rig

Happening = Callable[[Rig], None]


def _level(letter: str) -> Happening:
    return lambda rig: rig.vehicle(letter, {"A": math.inf, "B": 220.0, "C": 220.0}.get(letter))


def _lose_cable(rig: Rig) -> None:
    rig.world.ohm = math.inf


def _comes(rig: Rig) -> None:
    """A vehicle that asks for power after half a second."""
    rig.vehicle("B", 220.0)
    rig.run(0.5)
    rig.vehicle("C")


def _another(rig: Rig) -> None:
    """One vehicle leaves, and the next one is there at once."""
    rig.vehicle("A", math.inf)
    rig.run(0.06)
    _comes(rig)


ALWAYS: dict[str, Happening] = {
    "a car comes": _comes,
    "another car": _another,
    **{f"level {letter}": _level(letter) for letter in "ABCDE-"},
    "permit": lambda rig: rig.allow(True, 32.0, True),
    "forbid": lambda rig: rig.allow(False, 0.0, False),
    "limit 6": lambda rig: rig.allow(True, 6.0, True),
    "session silent": lambda rig: setattr(rig, "session_alive", False),
    "samples": flip("pilot_alive"),
    "nan": flip("pilot_nan"),
    "diode": flip("diode"),
    "weld": flip("welded"),
    "drop": flip("drops"),
    "lock opens": flip("lock_opens"),
    "cable lost": _lose_cable,
    "killed": Rig.restart,
    "wait": lambda _rig: None,
}
"""Events of every configuration."""
FEW = ("another car", "level A", "level B", "level D", "permit", "forbid", "samples", "weld", "killed")
"""Those of ALWAYS that are tried beside a configuration's own where time is short."""
WAITS_S = (0.03, 0.12, 1.1, 6.2)
SHORT_WAITS_S = (0.03, 0.12, 1.1)
ENDS_WITHIN_S = 150.0
"""The longest hold-off on the way to state A is a minute."""


class Found(NamedTuple):
    states: int
    edges: int
    ends: int
    """From so many states the way to an end was gone."""
    names: set[PilotState]
    """States of the machine."""


def _bucket(rest_s: float) -> int:
    return next((place for place, edge in enumerate((0.0, 0.05, 0.1, 1.0, 3.0, 6.0, 30.0)) if rest_s <= edge), 9)


def _key(rig: Rig) -> Hashable:
    """The state with its times in buckets: two nodes of the same key have the same future, as far as we look."""
    state, world, now_s = rig.state, rig.world, rig.now_s
    sight, contactor, pilot = state.pilot_sight, state.contactor, state.pilot
    ages = (now_s - pilot.withdrawn_s, now_s - contactor.on_s, now_s - contactor.dropped_s, now_s - sight.run_start_s)
    ahead = (state.faults.hold_until_s - now_s, state.faults.f_until_s - now_s)
    lease_s = rig.lease.until_s - now_s if rig.lease else 0.0
    return (
        rig.name, rig.outputs, sight.letter, sight.confirmed, sight.diode_proven, sight.seen_b, state.qualified,
        contactor.phase, state.lock.phase, state.lock.failed, tuple(sorted(state.faults.active)), state.memory.lockout,
        state.memory.latched, state.memory.recoveries, state.vehicle_connected, tuple(map(_bucket, (*ages, *ahead))),
        state.faults.of_before if now_s - state.started_s < REMEMBERED_S else (),
        _bucket(lease_s), rig.may, rig.hold, rig.session_alive, world.vehicle, world.welded, world.drops, world.diode,
        world.pilot_alive, world.pilot_nan, world.lock_opens, math.isinf(world.ohm), *_rooms(rig),
    )  # fmt: skip


def _rooms(rig: Rig) -> tuple[Hashable, ...]:
    """Residual current, temperatures, supply, phases, contacts, and what the world shows of them."""
    state, world, now_s = rig.state, rig.world, rig.now_s
    residual, thermal, supply, relay = state.residual, state.thermal, state.supply, state.phases
    module, memory = world.module, state.memory
    trips = (residual.dc_tripped_s is not None, residual.rms_tripped_s is not None, residual.device_error)
    contacts = tuple(sorted((name, each.closed) for name, each in state.wiring.contacts.items()))
    return (
        residual.test, residual.test_failed, trips, memory.residual_proven, memory.reclosures, memory.rcd_by_dc,
        residual.pulse_s is not None, residual.rcd_open_s is not None,
        tuple(sorted((name, each.active) for name, each in residual.contacts.items())),
        None if module is None else module[2:8], thermal.reduced, thermal.hot, thermal.over, thermal.blind,
        thermal.sensor_lost, tuple(sorted(world.celsius.items())), world.sensors_alive,
        supply.fresh, supply.over_s is not None, supply.overloaded, supply.low_s is not None, supply.high_s is not None,
        supply.lowered_to_a, world.meter[:2] if world.meter is not None else None, world.meter_alive,
        relay.commanded, relay.changing, _bucket(now_s - relay.switched_s), world.relay, world.relay_stuck, rig.phases,
        contacts, memory.tilted, tuple(sorted(world.contacts.items())), world.contacts_alive,
        world.live_phase, world.sense_nan, world.opto_opens, world.charged, world.relay_2_stuck, state.wiring.series,
    )  # fmt: skip


def _seeds(configuration: Configuration) -> list[Rig]:
    idle = configuration.rig(keep_history=False)
    idle.allow()
    idle.run(6.0)
    charging = configuration.charging()
    charging.run(6.0)
    pausing = charging.twin()
    pausing.allow(False)
    return [charging, pausing, idle]


def happenings(configuration: Configuration, few: bool = False) -> dict[str, Happening]:
    common = {name: each for name, each in ALWAYS.items() if not few or name in FEW}
    return {**common, **configuration.happenings}


def search(
    most_states: int,
    depth: int,
    configuration: Configuration = CONFIGURATIONS[0],
    *,
    few: bool = False,
    waits_s: Sequence[float] = WAITS_S,
    ends_every: int = 25,
) -> Found:
    """Breadth first; every step is checked. `ends_every`: from how many states one is followed to its end."""
    queue: deque[tuple[Rig, int]] = deque((rig, 0) for rig in _seeds(configuration))
    seen = {_key(rig) for rig, _ in queue}
    names: set[PilotState] = set()
    edges = ends = 0
    while queue and len(seen) < most_states:
        rig, level = queue.popleft()
        if level == depth:
            continue
        for happen in happenings(configuration, few).values():
            acted = rig.twin()
            happen(acted)
            if acted.started:
                acted.step()
            for wait_s in waits_s:
                acted.run(wait_s)
                edges += 1
                names.add(acted.name)
                key = _key(acted)
                if key in seen:
                    continue
                seen.add(key)
                queue.append((acted.twin(), level + 1))
                if len(seen) % ends_every == 0:
                    comes_to_an_end(acted.twin(), configuration)
                    ends += 1
    return Found(len(seen), edges, ends, names)


def comes_to_an_end(rig: Rig, configuration: Configuration) -> None:
    """40: repaired and without a vehicle it comes to state A, or stays with a fault that only a person ends."""
    configuration.mend(rig)
    unplugged(rig)
    waited_s = 0.0
    while waited_s < ENDS_WITHIN_S:
        rig.run(1.5)
        waited_s += 1.5
        if rig.name is PilotState.A and not rig.coil:
            return
    classes = {FAULTS[code].fault_class for code in rig.shown.faults}
    assert classes & {FaultClass.LATCH, FaultClass.LOCKOUT}, f"invariant 40: it stays {rig.name}: {rig.shown}"
