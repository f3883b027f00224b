"""What is wrong with the microcontroller, as far as its frames and its silence say. Pure."""

from collections.abc import Iterator

from hardware.mcu import messages
from hardware.mcu.fitted import missing, vehicle_connectors
from hardware.mcu.frame import VERSION
from hardware.mcu.messages import ConnectorReading, DriveConnector, Identity, IdentityConnector, State, Status
from schemas.station import Station

SILENT_S = 0.5
OBEYED_WITHIN_S = 1.0
FOLLOWED_WITHIN_S = 0.15
"""The microcontroller repeats what it has understood; a difference that lasts longer is trouble."""


class Health:
    def __init__(self, station: Station, port: str, now_s: float) -> None:
        self._station = station
        self._port = port
        self._vehicle_connectors = len(vehicle_connectors(station))
        self._missing: list[str] = []
        self._self_test = 0
        self._not_followed: dict[int, str] = {}
        self._confirmed: set[int] = set()
        """Connectors whose last command the microcontroller has repeated."""
        self.since_s = now_s
        """The port was opened, or the microcontroller began anew."""
        self.other_version = 0
        self.status: Status | None = None

    def begin(self, now_s: float) -> None:
        """The other end may know nothing of us."""
        self.since_s = now_s
        self._not_followed = {}
        self._confirmed = set()

    def command_changed(self) -> None:
        self._confirmed = set()

    @property
    def is_confirmed(self) -> bool:
        """The microcontroller has understood what was driven last, of every connector."""
        return len(self._confirmed) == self._vehicle_connectors

    @property
    def reset_reason(self) -> int:
        """As the chip numbers it; 0 = not known."""
        return 0 if self.status is None else self.status.reset_reason

    def take_identity(self, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> None:
        self._missing = missing(self._station, identity, connectors)
        self._self_test = identity.self_test

    def compare(self, sent: DriveConnector, sent_for_s: float, read: ConnectorReading) -> None:
        """What the microcontroller has understood against what has been driven for `sent_for_s`."""
        same = (sent.pilot, sent.coil, sent.lock, sent.residual_test) == (
            read.pilot,
            read.coil,
            read.lock,
            read.residual_test,
        )
        if same and (sent.pilot != messages.PWM or sent.duty == read.driven_duty):
            self._not_followed.pop(read.number, None)
            self._confirmed.add(read.number)
        elif sent_for_s > FOLLOWED_WITHIN_S:
            words = f"connector {read.number}: the microcontroller does not do what is driven"
            self._not_followed[read.number] = words

    def troubles(self, now_s: float, heard_s: float | None, obeyed: bool) -> Iterator[str]:
        """What concerns all connectors. `heard_s`: of the last valid frame; `obeyed`: it has answered our hello."""
        if self.other_version:
            yield (
                f"the microcontroller speaks version {self.other_version} of the link, this software {VERSION}: "
                "bring both to the same release"
            )
        elif now_s - max(self.since_s, heard_s if heard_s is not None else 0.0) > SILENT_S:
            yield f"no valid frame from the microcontroller on {self._port}: check cable, speed and its supply"
        elif not obeyed and now_s - self.since_s > OBEYED_WITHIN_S:
            yield f"the microcontroller on {self._port} does not answer our hello"
        yield from (f"microcontroller: {words}" for words in self._missing)
        for bit, words in enumerate(messages.SELF_TEST):
            if self._self_test >> bit & 1:
                yield f"microcontroller, self-test: {words}"
        if self.status is not None and self.status.state == State.BROKEN:
            yield "the microcontroller has shut itself down; switch the station off and on"

    def not_followed(self, connector: int = 0) -> list[str]:
        """What it does not do although it is driven: of one connector, or of all (0)."""
        return [words for number, words in self._not_followed.items() if connector in (0, number)]
