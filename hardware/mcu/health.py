"""What is wrong with the microcontroller, as far as its frames and its silence say. Pure."""

from collections.abc import Iterable, Iterator

from hardware.mcu import messages
from hardware.mcu.fitted import missing, vehicle_connectors
from hardware.mcu.following import Following
from hardware.mcu.frame import VERSION
from hardware.mcu.messages import Identity, IdentityConnector, Kind, State, Status
from schemas.station import Station

SILENT_S = 0.5
OBEYED_WITHIN_S = 1.0
BAD_IN_A_ROW = 3
"""So many messages of a kind that are not understood are no accident."""
INTERRUPTED_S = 1.0
"""So long an interruption is told: whoever polls before every step sees it, and a person too."""


class Health:
    def __init__(self, station: Station, port: str, now_s: float) -> None:
        self._station = station
        self._port = port
        self._missing: list[str] = []
        self._interrupted: dict[int, tuple[float, str]] = {}
        """Connector -> until when it is told, and the words."""
        self.other_version = 0
        self.identity: Identity | None = None
        self.status: Status | None = None
        self.bad_messages = 0
        self.begin(now_s)

    def begin(self, now_s: float) -> None:
        """The port was opened, or the other end may know nothing of us."""
        self.since_s = now_s
        self.following = Following(len(vehicle_connectors(self._station)))
        self._bad_in_a_row: dict[int, int] = {}
        self._bad_words: dict[int, str] = {}

    def take_identity(self, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> None:
        self._missing = missing(self._station, identity, connectors)
        self.identity = identity

    def understood(self, kind: int) -> None:
        self._bad_in_a_row.pop(kind, None)
        self._bad_words.pop(kind, None)

    def not_understood(self, kind: int, words: str) -> None:
        """A message that says something impossible: `words`, of "it"."""
        self.bad_messages += 1
        self._bad_in_a_row[kind] = self._bad_in_a_row.get(kind, 0) + 1
        if self._bad_in_a_row[kind] >= BAD_IN_A_ROW:
            self._bad_words[kind] = f"{Kind(kind).name} of the microcontroller cannot be used: {words}"

    def interrupted(self, connectors: Iterable[int], words: str, now_s: float) -> bool:
        """The link was lost, if only for a moment, while the coils of these connectors were driven on. True = this is
        news: nothing of the kind is told already."""
        is_news = all(now_s > end_s for end_s, _ in self._interrupted.values())
        for number in connectors:
            self._interrupted[number] = (now_s + INTERRUPTED_S, f"{words} while a coil was on")
        return is_news

    def troubles(
        self, now_s: float, *, taken_s: float | None, timed_s: float | None, obeyed: bool, connector: int = 0
    ) -> Iterator[str]:
        """What concerns this connector, or all (0). `taken_s`: of the last message that was understood; `timed_s`: of
        the last STATUS by which stamps can be read; `obeyed`: it has answered our hello."""
        yield from self._of_link(now_s, taken_s or 0.0, timed_s or 0.0, obeyed)
        yield from self._bad_words.values()
        yield from (f"microcontroller: {words}" for words in self._missing)
        failures = 0 if self.identity is None else self.identity.self_test
        for bit, words in enumerate(messages.SELF_TEST):
            if failures >> bit & 1:
                yield f"microcontroller, self-test: {words}"
        if self.status is not None and self.status.state == State.BROKEN:
            yield "the microcontroller has shut itself down; switch the station off and on"
        interruptions = self._interrupted.items()
        told = [words for number, (end_s, words) in interruptions if connector in (0, number) and now_s <= end_s]
        yield from dict.fromkeys(told)
        yield from self.following.troubles(connector)

    def _of_link(self, now_s: float, taken_s: float, timed_s: float, obeyed: bool) -> Iterator[str]:
        if self.other_version:
            yield (
                f"the microcontroller speaks version {self.other_version} of the link, this software {VERSION}: "
                "bring both to the same release"
            )
        elif now_s - max(self.since_s, taken_s) > SILENT_S:
            yield f"no valid frame from the microcontroller on {self._port}: check cable, speed and its supply"
        elif not obeyed:
            if now_s - self.since_s > OBEYED_WITHIN_S:
                yield f"the microcontroller on {self._port} does not answer our hello"
        elif now_s - max(self.since_s, timed_s) > SILENT_S:
            yield "no STATUS of the microcontroller echoes a frame of ours: its readings have no time and do not count"
