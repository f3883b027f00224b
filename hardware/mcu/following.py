"""Does the microcontroller do what is driven? Pure: times are boot-clock seconds that come in."""

from collections.abc import Iterator, Mapping

from hardware.mcu import messages
from hardware.mcu.messages import ConnectorReading, DriveConnector, State, Status

FOLLOWED_WITHIN_S = 0.15
"""A difference between what is driven and what the microcontroller says it does: what lasts longer is trouble."""


class Following:
    """Of one start of the link. `connectors`: parts of the messages."""

    def __init__(self, connectors: int) -> None:
        self._connectors = connectors
        self._not_repeated: set[int] = set()
        self._confirmed: set[int] = set()
        """Connectors whose last command the microcontroller has repeated."""
        self._coils_differ_s: dict[tuple[int, bool], float] = {}
        """(Connector, what is driven) -> when STATUS said otherwise first."""
        self._wrong_coils: dict[int, str] = {}

    def command_changed(self) -> None:
        self._confirmed = set()

    @property
    def is_confirmed(self) -> bool:
        """The microcontroller has understood what was driven last, of every connector."""
        return len(self._confirmed) == self._connectors

    def compare(self, sent: DriveConnector, sent_for_s: float, read: ConnectorReading) -> None:
        """What the microcontroller has understood against what has been driven for `sent_for_s`."""
        same = (sent.pilot, sent.coil, sent.lock, sent.residual_test) == (
            read.pilot,
            read.coil,
            read.lock,
            read.residual_test,
        )
        if same and (sent.pilot != messages.PWM or sent.duty == read.driven_duty):
            self._not_repeated.discard(read.number)
            self._confirmed.add(read.number)
        elif sent_for_s > FOLLOWED_WITHIN_S:
            self._not_repeated.add(read.number)

    def compare_coils(self, driven: Mapping[int, bool], outlet: int | None, status: Status, now_s: float) -> None:
        """`driven`: the coil commands as sent last, the relay of a domestic socket (connector `outlet`) among them."""
        differ = [(number, driven[number]) for number in _other_coils(driven, outlet, status)]
        self._coils_differ_s = {each: self._coils_differ_s.get(each, now_s) for each in differ}
        self._wrong_coils = {
            number: "off although on is driven" if on else "on although off is driven"
            for (number, on), since_s in self._coils_differ_s.items()
            if now_s - since_s > FOLLOWED_WITHIN_S
        }

    def troubles(self, connector: int = 0) -> Iterator[str]:
        """What it does not do although it is driven: of one connector, or of all (0)."""
        for number in sorted(self._not_repeated | self._wrong_coils.keys()):
            if connector in (0, number):
                if number in self._not_repeated:
                    yield f"connector {number}: the microcontroller does not do what is driven"
                if number in self._wrong_coils:
                    yield f"connector {number}: the microcontroller says that its coil is {self._wrong_coils[number]}"


def _other_coils(driven: Mapping[int, bool], outlet: int | None, status: Status) -> set[int]:
    """Connectors whose coil is not as driven, by the bits of STATUS and by its state. The relay of a domestic socket
    has no bit: the state alone tells of it."""
    coils = {number: on for number, on in driven.items() if number != outlet}
    differ = {number for number, on in coils.items() if on is not bool(status.coils >> (number - 1) & 1)}
    on = {number for number, is_on in driven.items() if is_on}
    if status.state == State.NO_HOST:
        return differ | on
    if status.state == State.NO_FEED and outlet is not None and outlet in on:
        return differ | {outlet}
    if status.state == State.NO_FEED and not differ & on:
        return differ | on
    return differ
