"""The simulated board as `hmi` sees it: a client of the simulated site's `board.sock`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from hardware.interfaces import CardSeen, Light
from hardware.sim.link import WorldLink, boot_s
from hardware.sim.protocol import LONGEST_LINE, MOST_LINES, Cards, Shown


class _Reader:
    def __init__(self) -> None:
        self.seen: list[CardSeen] = []

    def cards(self) -> Sequence[CardSeen]:
        seen, self.seen = self.seen, []
        return seen


class SimulatedPeopleBoard:
    """Reader, lights and display; what was shown last is shown again after a reconnect."""

    def __init__(self, path: Path | str) -> None:
        self._link = WorldLink(path, "people")
        self._known_connections = 0
        self._reader = _Reader()
        self._lights: dict[int, tuple[float, float, float, float]] = {}
        self._texts: dict[int, tuple[str, ...]] = {}
        self._sent_lights: dict[int, tuple[float, float, float, float]] = {}
        self._sent_texts: dict[int, tuple[str, ...]] = {}
        self.indicator = _Indicator(self)
        self.display = _Display(self)
        self._link.connect()

    @property
    def reader(self) -> _Reader:
        return self._reader

    @property
    def connected(self) -> bool:
        return self._link.connected

    def fileno(self) -> int:
        """-1 while the world is away: nothing wakes us then, and a card may only be there for a second."""
        return self._link.fileno() if self._link.connected else -1

    def receive(self) -> None:
        for packet in self._link.packets():
            if isinstance(packet, Cards):
                self._reader.seen.extend(CardSeen(*card) for card in packet.cards)
        self._send()

    def show_light(self, connector: int, light: Light) -> None:
        self._lights[connector] = (light.red, light.green, light.blue, light.blink_hz)
        self._send()

    def show_text(self, connector: int, lines: Iterable[str]) -> None:
        self._texts[connector] = tuple(line[:LONGEST_LINE] for line in lines)[:MOST_LINES]
        self._send()

    def _send(self) -> None:
        if not self._link.connect():
            return
        if self._known_connections != self._link.connections:
            self._known_connections = self._link.connections
            self._sent_lights, self._sent_texts = {}, {}
        lights = {number: each for number, each in self._lights.items() if self._sent_lights.get(number) != each}
        texts = {number: each for number, each in self._texts.items() if self._sent_texts.get(number) != each}
        if (lights or texts) and self._link.send(Shown(sent_s=boot_s(), lights=lights, texts=texts)):
            self._sent_lights.update(lights)
            self._sent_texts.update(texts)

    def close(self) -> None:
        self._link.close()


class _Indicator:
    def __init__(self, board: SimulatedPeopleBoard) -> None:
        self._board = board

    def show(self, connector: int, light: Light) -> None:
        self._board.show_light(connector, light)


class _Display:
    def __init__(self, board: SimulatedPeopleBoard) -> None:
        self._board = board

    def show(self, connector: int, lines: Sequence[str]) -> None:
        self._board.show_text(connector, lines)
