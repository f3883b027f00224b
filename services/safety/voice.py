"""What the service says on the bus: connectors, the board beside them, faults and notices. At changes, and in time."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import FAULTS, NOTICES, SAFETY_CONNECTOR, SAFETY_STATION
from schemas.base import ActiveFault, ActiveFaults
from schemas.notices import notice
from schemas.safety import SafetyConnector, SafetyStation
from services.safety import core
from services.safety.seat import Seat
from services.safety.state import NoticeWish
from services.safety.status import connector_message

PUBLISH_S = 1.0


class FaultKey(NamedTuple):
    connector: int
    code: str


class Voice:
    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus
        self._faults: dict[FaultKey, float] | None = None
        self._station: SafetyStation | None = None
        self.station_s = 0.0
        """When the station is told again at the latest, boot clock."""

    @property
    def has_told_faults(self) -> bool:
        return self._faults is not None

    def connector(self, seat: Seat, now: Now) -> None:
        lease = core.grant_of(seat.state, seat.permission, now.boot_s)
        said = connector_message(seat.state, lease, self._bus.run_id, seat.coil_off_s, seat.residual_version())
        if now.boot_s >= seat.say_again_s or _without_times(said) != seat.said:
            seat.said, seat.say_again_s = _without_times(said), now.boot_s + PUBLISH_S
            self._bus.publish(SAFETY_CONNECTOR, said, key=str(said.connector))

    def board(self, station: SafetyStation, now: Now) -> None:
        if now.boot_s >= self.station_s or station != self._station:
            self._station, self.station_s = station, now.boot_s + PUBLISH_S
            self._bus.publish(SAFETY_STATION, station)

    def notices(self, connector: int, wishes: Iterable[NoticeWish]) -> None:
        for wish in wishes:
            self.notice(connector, wish)

    def notice(self, connector: int, wish: NoticeWish) -> None:
        """`connector` 0 = of the station."""
        body = notice(wish.code, connector, subject=wish.subject, **dict(wish.words))
        self._bus.publish(NOTICES["safety"], body, key=str(connector))

    def faults(self, seats: Mapping[int, Seat], of_the_journal: str, now: Now) -> None:
        """`of_the_journal`: code of what keeps it from being written."""
        before = self._faults or {}
        active = [FaultKey(number, code) for number, seat in seats.items() for code in seat.state.faults.active]
        if of_the_journal:
            active.append(FaultKey(0, of_the_journal))
        faults = {key: before.get(key, now.wall_s) for key in active}
        if self._faults is None or faults.keys() != before.keys():
            self._faults = faults
            rows = (ActiveFault(code=key.code, connector=key.connector, since_wall_s=at) for key, at in faults.items())
            self._bus.publish(FAULTS["safety"], ActiveFaults(faults=tuple(rows)))


def _without_times(said: SafetyConnector) -> SafetyConnector:
    """What makes a change worth telling at once; times and measured currents are told once a second."""
    said = msgspec.structs.replace(said, retry_after_s=0.0, permission_until_s=0.0)
    return msgspec.structs.replace(
        said, residual_dc_ma=None, residual_rms_ma=None, residual_max_dc_ma=0.0, residual_max_rms_ma=0.0
    )
