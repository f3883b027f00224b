"""A connector as plain values in which everything is proven: a test takes one thing away and asks one rule."""

from collections.abc import Mapping
from typing import Any

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety.permission import Grant
from services.safety.region import SwitchSight
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Equipment, Moment, Readings
from tests.safety_rig import RATED_32_A, SOCKET

NOW_S = 1000.0
"""Boot clock."""
LEASE = Grant(True, True, 32.0, True, NOW_S + 10.0)


def proven(letter: str = "C", equipment: Equipment = SOCKET, settings: SafetySettings = RATED_32_A) -> ConnectorState:
    """Current has been offered for 10 s, the contacts are open, the plug is locked, nothing waits for anything."""
    state = ConnectorState(equipment, NOW_S - 100.0, settings=settings)
    state.qualified, state.last_step_s = True, NOW_S
    state.vehicle_connected, state.power_requested = letter in ("B", "C", "D"), letter in ("C", "D")
    sight, cable, output = state.pilot_sight, state.proximity, state.pilot
    sight.letter = sight.confirmed = letter
    sight.stamp_s, sight.run_start_s = NOW_S, NOW_S - 1.0
    sight.seen_b = sight.diode_proven = state.vehicle_connected
    sight.bad_since_s = None
    cable.stamp_s = cable.good_s = NOW_S
    cable.ampacity_a, cable.bad_s = 32.0, None
    state.mirror = SwitchSight(NOW_S, False, NOW_S - 50.0)
    state.lock_sight = SwitchSight(NOW_S, True, NOW_S - 15.0)
    state.contactor.phase, state.contactor.open_since_s = Contactor.OPEN, NOW_S - 50.0
    output.mode, output.permille = PilotMode.PWM, 533
    output.commanded_s = output.pwm_s = NOW_S - 10.0
    return state


def closed(letter: str = "C", equipment: Equipment = SOCKET, settings: SafetySettings = RATED_32_A) -> ConnectorState:
    """The same, and the contacts have been closed for 5 s."""
    state = proven(letter, equipment, settings)
    contactor = state.contactor
    contactor.coil, contactor.on_s, contactor.phase = True, NOW_S - 5.0, Contactor.CLOSED
    contactor.powered, contactor.open_since_s = True, 0.0
    state.mirror = SwitchSight(NOW_S, True, NOW_S - 4.97)
    return state


def put(state: ConnectorState, changes: Mapping[str, Any]) -> ConnectorState:
    """`changes`: value by path, as in "contactor.coil"; those of settings and equipment too."""
    for path, value in changes.items():
        *parts, name = path.split(".")
        holder: Any = state
        for part in parts:
            holder = getattr(holder, part)
        assert hasattr(holder, name), path
        if isinstance(holder, tuple):
            setattr(state, parts[0], holder._replace(**{name: value}))  # type: ignore[attr-defined]
        else:
            setattr(holder, name, value)
    return state


def moment_of(now_s: float = NOW_S, trouble: str = "") -> Moment:
    return Moment(now_s, Readings(trouble=trouble))
