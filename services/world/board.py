"""The drivers' side: the server of `board.sock`. Samples leave at every physical change and at least every period."""

import logging
import math
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import structs

from hardware.sim.apply import apply
from hardware.sim.direct import AWAY
from hardware.sim.protocol import (
    LARGEST_PACKET,
    SAMPLES_AT_LEAST_EVERY_S,
    VERSION,
    Cards,
    ConnectorReadings,
    FromWorld,
    Hello,
    Outputs,
    Readings,
    Refused,
    Shown,
    StationReadings,
    decode_to_world,
    encode,
)
from hardware.sim.sample import connector_readings, seen, station_readings
from hardware.sim.site.site import Site
from services.world.poll import Poll

DEFAULT_PERIOD_S = 0.2
MOST_CLIENTS = 8
MOST_PACKETS_AT_ONCE = 512
"""More than a socket holds."""

logger = logging.getLogger(__name__)


class _Client:
    def __init__(self, connection: socket.socket, connectors: list[int]) -> None:
        self.connection = connection
        self.role = ""
        self.period_s = dict.fromkeys(connectors, DEFAULT_PERIOD_S)
        self.due_s = dict.fromkeys(connectors, 0.0)
        self.seen: dict[int, tuple[object, ...]] = {}
        """What was sent last, without time stamps."""
        self.revision = -1
        self.station_seen: tuple[object, ...] = ()
        self.station_due_s = 0.0
        self.temperatures_s = -1.0
        """Of the temperatures that were sent last."""

    def send(self, packet: FromWorld) -> bool:
        """False = it does not read: the packet is dropped, a later sample says the same or something newer."""
        try:
            self.connection.send(encode(packet))
        except OSError:
            return False
        return True


class BoardServer:
    """`advance(until_s)` lets the site happen and publishes what it sees on the way."""

    def __init__(
        self, path: Path, site: Site, poll: Poll, clock: Callable[[], float], advance: Callable[[float], None]
    ) -> None:
        self._site = site
        self._advance = advance
        self._poll = poll
        self._clock = clock
        self._clients: dict[int, _Client] = {}
        self._safety: _Client | None = None
        self.edge_sent_s: dict[int, float] = {}
        """Per connector: when a change of its pilot level was sent to `safety` last."""
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._listener.bind(str(path))
        self._listener.listen(MOST_CLIENTS)
        poll.add(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = _Client(connection, list(self._site.connectors))
        if len(self._clients) >= MOST_CLIENTS:
            client.send(Refused(reason=f"{MOST_CLIENTS} drivers are connected already"))
            connection.close()
            return
        descriptor = connection.fileno()
        self._clients[descriptor] = client
        self._poll.add(descriptor, lambda: self._receive(client))

    def take_driven(self) -> None:
        """Everything that `safety` has sent so far."""
        if self._safety is not None:
            self._receive(self._safety)

    def _receive(self, client: _Client) -> None:
        for _ in range(MOST_PACKETS_AT_ONCE):
            try:
                data, _, flags, _ = client.connection.recvmsg(LARGEST_PACKET)
            except BlockingIOError:
                return
            except OSError:
                data, flags = b"", 0
            if not data:
                self._drop(client, "")
                return
            if flags & socket.MSG_TRUNC:
                self._drop(client, f"a packet has at most {LARGEST_PACKET} bytes")
                return
            try:
                self._take(client, decode_to_world(data))
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                self._drop(client, str(error))
                return

    def _take(self, client: _Client, packet: Hello | Outputs | Shown) -> None:
        """Raises ValueError for what this client may not say."""
        if self._site.board_away and (
            client is self._safety or (isinstance(packet, Hello) and packet.role == "safety")
        ):
            raise ValueError(AWAY)
        if isinstance(packet, Hello):
            self._welcome(client, packet)
        elif isinstance(packet, Outputs) and client is self._safety:
            # It acted when it says it did: a world that was held up does not punish the driver for it.
            self._advance(min(packet.sent_s, self._clock()))
            apply(self._site, packet)
            for number, each in packet.connectors.items():
                if each.sample_every_s is not None and number in client.period_s:
                    shortest, longest = SAMPLES_AT_LEAST_EVERY_S
                    client.period_s[number] = min(longest, max(shortest, each.sample_every_s))
                    client.due_s[number] = 0.0
            self.publish()
        elif isinstance(packet, Shown) and client.role == "people":
            for number, light in packet.lights.items():
                if number in self._site.connectors:
                    self._site.show_light(number, light)
            for number, lines in packet.texts.items():
                if number in self._site.connectors:
                    self._site.show_text(number, lines)
        else:
            raise ValueError(f"a driver that said hello as {client.role or 'nobody'} cannot send this")

    def _welcome(self, client: _Client, hello: Hello) -> None:
        if hello.version != VERSION:
            raise ValueError(f"this simulated site speaks version {VERSION}, not {hello.version}: restart the driver")
        if client.role:
            raise ValueError("hello was said already")
        client.role = hello.role
        if hello.role == "safety":
            if self._safety is not None:
                self._drop(self._safety, "another safety driver has taken over")
            self._safety = client
            self._advance(self._clock())

    def _drop(self, client: _Client, reason: str) -> None:
        if reason:
            client.send(Refused(reason=reason[:500]))
            logger.warning("board.sock: hung up on a driver (%s): %s", client.role or "no hello yet", reason)
        descriptor = client.connection.fileno()
        self._poll.remove(descriptor)
        self._clients.pop(descriptor, None)
        client.connection.close()
        if self._safety is client:
            self._safety = None

    def publish(self) -> None:
        """Send what has changed or is due at the site's present time."""
        now_s = self._site.now_s
        client = self._safety
        if client is not None and self._site.board_away:
            self._drop(client, AWAY)
        elif client is not None and (client.revision != self._site.revision or now_s >= min(client.due_s.values())):
            self._sample(client, now_s)
        if self._reads_cards() and self._site.cards.next_event_s() <= now_s:
            cards = Cards(sent_s=now_s, cards=tuple(tuple(card) for card in self._site.take_cards()))  # type: ignore[misc]
            for each in self._clients.values():
                if each.role == "people":
                    each.send(cards)

    def _sample(self, client: _Client, now_s: float) -> None:
        readings: dict[int, ConnectorReadings] = {}
        values: dict[int, tuple[object, ...]] = {}
        for number in self._site.connectors:
            sample = connector_readings(self._site, number)
            value = seen(sample)
            known = client.seen.get(number)
            if known == value and now_s < client.due_s[number]:
                continue
            values[number] = value
            # The version never changes: it is told once.
            readings[number] = sample if known is None else structs.replace(sample, residual_version="")
        station = self._station(client, now_s)
        if (readings or station) and not client.send(
            Readings(sent_s=self._clock(), connectors=readings, station=station)
        ):
            # It does not read: try again with the next period instead of at every event.
            values = {number: client.seen.get(number, ((),)) for number in values}
        for number, value in values.items():
            if client.seen.get(number, ((),))[0] != value[0]:
                self.edge_sent_s[number] = self._clock()
            client.seen[number] = value
            period_s = client.period_s[number]
            client.due_s[number] = (math.floor(now_s / period_s) + 1.0) * period_s
        client.revision = self._site.revision

    def _station(self, client: _Client, now_s: float) -> StationReadings | None:
        """Inputs and pins at every change and with the slowest sampling; temperatures only when sampled anew."""
        sample = station_readings(self._site)
        newest_s = max([stamp_s for _, stamp_s in sample.temperatures.values()], default=-1.0)
        if sample.fan is not None:
            newest_s = max(newest_s, sample.fan[1])
        seen_now = (sample.inputs, sample.outputs, newest_s)
        if seen_now == client.station_seen and now_s < client.station_due_s:
            return None
        if newest_s == client.temperatures_s:
            sample = structs.replace(sample, temperatures={}, fan=None)
        client.station_seen, client.temperatures_s = seen_now, newest_s
        client.station_due_s = (math.floor(now_s / DEFAULT_PERIOD_S) + 1.0) * DEFAULT_PERIOD_S
        return sample if sample.inputs or sample.outputs or sample.temperatures or sample.fan else None

    def _reads_cards(self) -> bool:
        return any(client.role == "people" for client in self._clients.values())

    def next_due_s(self) -> float:
        """When `publish` has something to send although nothing changes; inf = never."""
        samples_s = min(self._safety.due_s.values()) if self._safety is not None else float("inf")
        return min(samples_s, self._site.cards.next_event_s()) if self._reads_cards() else samples_s

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client, "")
        self._poll.remove(self._listener.fileno())
        self._listener.close()
