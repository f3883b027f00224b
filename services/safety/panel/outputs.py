"""What each output beside the connectors does. Pure.

auxiliary: exactly one of shunt trip (WeldCheckAuxRelay), RCD recloser (RCDAUTORECLOSURE, RCDRESET) and domestic socket
(OCPPSchuko). relay_2: PatternOnRelayK2. climate: VentHeatingCtrlMode. ventilation: a vehicle in state D. output_1 and
output_2: the backend, with InputOutputBackendControlledMode.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from hardware.interfaces import Feedback
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Driven, NoticeWish, Outputs, due
from services.safety.thermal import climate
from services.safety.wiring.series import IN_SERIES, MISMATCH_S

AUXILIARY, RELAY_2, CLIMATE, VENTILATION = "auxiliary", "relay_2", "climate", "ventilation"
BACKENDS = ("output_1", "output_2")
READBACK_VALID_S = 0.5


class Use(str, Enum):
    """Of the auxiliary output."""

    SHUNT_TRIP = "shunt trip"
    RECLOSER = "RCD recloser"
    DOMESTIC = "domestic socket"


class Wish(NamedTuple):
    """Of one connector."""

    state: ConnectorState
    outputs: Outputs


def auxiliary_use(settings: Sequence[SafetySettings]) -> Use:
    """Two uses at once are refused by the settings; should they come here all the same, the first of these holds."""
    if any(each.weld_auxiliary for each in settings):
        return Use.SHUNT_TRIP
    if any(each.reclosure for each in settings) or not any(each.schuko for each in settings):
        return Use.RECLOSER
    return Use.DOMESTIC


def wanted(names: Sequence[str], wishes: Sequence[Wish], requested: Mapping[str, bool]) -> dict[str, bool]:
    """By name, of the outputs that are fitted. `requested`: what the backend has asked for, already checked."""
    use = auxiliary_use([wish.state.settings for wish in wishes])
    auxiliary = {
        Use.SHUNT_TRIP: any(wish.outputs.shunt_trip for wish in wishes),
        Use.RECLOSER: any(wish.outputs.reclose for wish in wishes),
        Use.DOMESTIC: any(wish.outputs.outlet for wish in wishes),
    }
    all_of_them = {
        AUXILIARY: auxiliary[use],
        RELAY_2: _relay_2(wishes),
        CLIMATE: climate.wanted(wish.state for wish in wishes),
        VENTILATION: any(wish.outputs.ventilation for wish in wishes),
        **{name: requested.get(name, False) for name in BACKENDS},
    }
    return {name: all_of_them.get(name, False) for name in names}


def _relay_2(wishes: Sequence[Wish]) -> bool:
    """A second contactor carries what every connector carries: with welded contacts it opens whoever else charges, and
    stays open although another connector may obey another pattern already."""
    in_series = any(wish.state.settings.relay_2_pattern == IN_SERIES for wish in wishes)
    if in_series and welded(wishes):
        return False
    return any(_wants_relay_2(wish) for wish in wishes)


def _wants_relay_2(wish: Wish) -> bool:
    """A domestic socket sees no plug, so none counts as connected there."""
    pattern = wish.state.settings.relay_2_pattern
    if pattern == "On while vehicle connected":
        return wish.state.vehicle_connected and not wish.state.equipment.outlet
    return pattern == IN_SERIES and wish.outputs.series


def welded(wishes: Sequence[Wish]) -> tuple[int, ...]:
    """Connectors whose contacts are known to be welded."""
    return tuple(wish.state.equipment.connector for wish in wishes if wish.state.memory.lockout == "contactor_welded")


def safe(names: Sequence[str], wishes: Sequence[Wish]) -> dict[str, bool]:
    """At the start and the end of the process: what is in the path of power. The others stay as they are."""
    every = wanted(names, wishes, {})
    return {name: every[name] for name in names if name in (AUXILIARY, RELAY_2)}


def backend_controls(wishes: Sequence[Wish]) -> bool:
    return any(wish.state.settings.backend_controlled for wish in wishes)


class Book:
    """What is driven since when, and whether the pins follow."""

    def __init__(self) -> None:
        self.driven: dict[str, Driven] = {}
        self._differs_s: dict[str, float] = {}
        self._complained: set[str] = set()

    def command(self, name: str, on: bool, readback: Feedback | None, now_s: float) -> bool:
        """Whether that is a change; the first command of a process is none."""
        before = self.driven.get(name)
        changed = before is not None and before.on is not on
        since_s = before.since_s if before is not None and not changed else now_s
        self.driven[name] = Driven(on, since_s, readback)
        return changed

    def complaints(self, now_s: float) -> list[str]:
        """Names of outputs that have read back something else for 100 ms, each once."""
        new = []
        for name, driven in self.driven.items():
            back = driven.readback
            if back is None or now_s - back.sampled_s > READBACK_VALID_S or back.closed is driven.on:
                self._differs_s.pop(name, None)
                self._complained.discard(name)
            elif back.sampled_s >= driven.since_s:
                since_s = self._differs_s.setdefault(name, max(driven.since_s, back.sampled_s))
                if name not in self._complained and due(since_s, MISMATCH_S, now_s):
                    self._complained.add(name)
                    new.append(name)
        return new


def announced(name: str, on: bool, settings: SafetySettings) -> NoticeWish | None:
    """What the backend is told of an output that has changed; None = nothing."""
    if name == CLIMATE:
        return climate.announced(settings.climate_mode, on)
    if name in BACKENDS:
        return NoticeWish("output_changed", (("name", name), ("state", "on" if on else "off")), name)
    return None
