"""The active faults of all services, with words, and what changed. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from schemas.base import ActiveFault
from schemas.faults import FAULTS
from schemas.system import Event, ShownFault
from services.system.events import HIGHEST_CONNECTOR, LONGEST_CODE, event

MOST_PER_SOURCE = 32
"""Of one service; more are not taken: a service in a frenzy must not fill the station's memory."""

LONGEST_DETAIL = 200
SYSTEM = "system"


class Place(NamedTuple):
    """What makes two reports the same fault."""

    owner: str
    code: str
    connector: int


Owned = tuple[str, ActiveFault]
"""Owner as people are shown it, and the fault."""


class FaultBook:
    """`sources`: who reported which faults, for the store."""

    def __init__(self, sources: Mapping[str, Iterable[Owned]] | None = None) -> None:
        self._sources: dict[str, dict[Place, ActiveFault]] = {
            source: {_place(owner, fault): fault for owner, fault in faults}
            for source, faults in (sources or {}).items()
        }

    def sources(self) -> dict[str, tuple[Owned, ...]]:
        return {
            source: tuple((place.owner, fault) for place, fault in faults.items())
            for source, faults in self._sources.items()
        }

    def report(self, source: str, faults: Iterable[Owned], wall_s: float) -> list[Event]:
        """`source` has exactly these faults now. Returns what was raised and cleared by that, each once."""
        before = self._sources.get(source, {})
        now: dict[Place, ActiveFault] = {}
        for owner, said in faults:
            fault = _bounded(said)
            place = _place(owner, fault)
            if place not in now and len(now) < MOST_PER_SOURCE:
                since_s = fault.since_wall_s or (before[place].since_wall_s if place in before else wall_s)
                now[place] = replace(fault, since_wall_s=since_s)
        self._sources[source] = now
        cleared = [_event(place, before[place], wall_s, " resolved") for place in before if place not in now]
        raised = [_event(place, fault, wall_s, "") for place, fault in now.items() if place not in before]
        return cleared + raised

    def shown(self) -> tuple[ShownFault, ...]:
        """Worst first; codes of a newer service last."""
        order = {code: number for number, code in enumerate(FAULTS)}
        places = [(place, fault) for faults in self._sources.values() for place, fault in faults.items()]
        places.sort(key=lambda item: (order.get(item[0].code, len(order)), item[0].connector, item[0].owner))
        return tuple(_show(place, fault) for place, fault in places)


def own_faults(trouble: str, replaced: str, silent: Mapping[str, str]) -> list[Owned]:
    """Of `system` itself. `trouble`: why its store cannot be written; `replaced`: which file was set aside; `silent`:
    services that are missed, with their last words. Empty words = nothing wrong."""
    faults: list[Owned] = []
    if trouble:
        code = "disk_read_only" if "readonly" in trouble or "read-only" in trouble else "disk_full"
        faults.append((SYSTEM, ActiveFault(code=code, detail=trouble)))
    if replaced:
        faults.append((SYSTEM, ActiveFault(code="store_replaced", detail=replaced)))
    faults += [(owner, ActiveFault(code="service_down", detail=words)) for owner, words in silent.items()]
    return faults


def _bounded(fault: ActiveFault) -> ActiveFault:
    connector = fault.connector if 0 <= fault.connector <= HIGHEST_CONNECTOR else 0
    return replace(fault, code=fault.code[:LONGEST_CODE], connector=connector, detail=fault.detail[:LONGEST_DETAIL])


def _place(owner: str, fault: ActiveFault) -> Place:
    return Place(owner, fault.code, fault.connector)


def _show(place: Place, fault: ActiveFault) -> ShownFault:
    known = FAULTS.get(place.code)
    if known is None:
        return ShownFault(
            fault=fault,
            owner=place.owner,
            text=place.code.replace("_", " "),
            instruction=f"This fault is not known to this version of the station; ask the log of {place.owner}.",
            error_code="OtherError",
            internal_code="",
        )
    text = f"{known.text}: {place.owner}" if place.code == "service_down" else known.text
    return ShownFault(
        fault=fault,
        owner=place.owner,
        text=text,
        instruction=known.instruction,
        error_code=known.error_code,
        internal_code=known.internal_code,
    )


def _event(place: Place, fault: ActiveFault, wall_s: float, suffix: str) -> Event:
    text = _show(place, fault).text + suffix
    return event(wall_s, place.code, text, place.connector)
