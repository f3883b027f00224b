"""A search through everything that a few events can do together: every step is checked by `tests/invariants.py`."""

import math
from collections import deque
from collections.abc import Callable, Hashable

from schemas.safety import PilotState
from tests.safety_rig import Rig


def _level(letter: str) -> Callable[[Rig], None]:
    return lambda rig: rig.vehicle(letter, {"A": math.inf, "B": 220.0, "C": 220.0}.get(letter))


def _flip(flag: str) -> Callable[[Rig], None]:
    return lambda rig: setattr(rig.world, flag, not getattr(rig.world, flag))


def _lose_cable(rig: Rig) -> None:
    rig.world.ohm = math.inf


ACTIONS: dict[str, Callable[[Rig], None]] = {
    **{f"level {letter}": _level(letter) for letter in "ABCDE-"},
    "permit": lambda rig: rig.allow(True, 32.0, True),
    "forbid": lambda rig: rig.allow(False, 0.0, False),
    "limit 6": lambda rig: rig.allow(True, 6.0, True),
    "session silent": lambda rig: setattr(rig, "session_alive", False),
    "samples": _flip("pilot_alive"),
    "nan": _flip("pilot_nan"),
    "diode": _flip("diode"),
    "weld": _flip("welded"),
    "drop": _flip("drops"),
    "lock opens": _flip("lock_opens"),
    "cable lost": _lose_cable,
    "killed": Rig.restart,
    "wait": lambda _rig: None,
}
WAITS_S = (0.03, 0.12, 1.1, 6.2)


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
        _bucket(lease_s), rig.may, rig.hold, rig.session_alive, world.vehicle, world.welded, world.drops, world.diode,
        world.pilot_alive, world.pilot_nan, world.lock_opens, math.isinf(world.ohm),
    )  # fmt: skip


def _seeds() -> list[Rig]:
    idle, charging = Rig(keep_history=False), Rig(keep_history=False)
    idle.allow()
    idle.run(6.0)
    charging.charge()
    charging.run(6.0)
    pausing = charging.twin()
    pausing.allow(False)
    return [charging, pausing, idle]


def search(most_states: int, depth: int) -> tuple[int, int, set[PilotState]]:
    """Breadth first; every step is checked. Returns (distinct states, edges, states of the machine seen)."""
    queue: deque[tuple[Rig, int]] = deque((rig, 0) for rig in _seeds())
    seen = {_key(rig) for rig, _ in queue}
    names: set[PilotState] = set()
    edges = 0
    while queue and len(seen) < most_states:
        rig, level = queue.popleft()
        if level == depth:
            continue
        for action in ACTIONS.values():
            acted = rig.twin()
            action(acted)
            if acted.started:
                acted.step()
            for wait_s in WAITS_S:
                acted.run(wait_s)
                edges += 1
                names.add(acted.name)
                key = _key(acted)
                if key not in seen:
                    seen.add(key)
                    queue.append((acted.twin(), level + 1))
    return len(seen), edges, names
