"""The service `ocpp_link`: routes between bus, line and OCPP; each rule stands in a file beside this one."""

import random
from collections.abc import Callable, Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import QUEUE_OFFER, QUEUE_SETTLED, SETTINGS_SECRETS, SETTINGS_VALUES, Topic
from schemas.base import Answered
from schemas.ocpp_link import Outcome
from schemas.station import StationSection
from services.ocpp_link import asked, own_calls, told
from services.ocpp_link.actions import supported
from services.ocpp_link.connection import Binary, Connection, Text, Uplink
from services.ocpp_link.endpoint import Asked, Ended, OcppEndpoint, Reply
from services.ocpp_link.line import Down, Line, Phase, Up
from services.ocpp_link.offers import Offers
from services.ocpp_link.registration import Memory, Registration
from services.ocpp_link.wanted import Wanted
from services.runner import Source

HEARS: tuple[Topic[Any], ...] = (QUEUE_OFFER, QUEUE_SETTLED, SETTINGS_VALUES, SETTINGS_SECRETS)
ASKS: tuple[Topic[Any], ...] = (*asked.TOPICS, *own_calls.TOPICS, *told.TOPICS)


class OcppLink:
    """`about`: what the station file says of vendor, model and serial. `chance`: random numbers in 0..1. `wrong_with`:
    why a text is no certificate of an authority, empty = it is one."""

    def __init__(
        self,
        bus: Endpoint,
        *,
        about: StationSection,
        start_id: str,
        connection: Connection,
        uplink: Uplink,
        memory: Memory,
        chance: Callable[[], float] = random.random,
        wrong_with: Callable[[str], str] = lambda _authority: "",
    ) -> None:
        self._bus = bus
        self._connection, self._uplink, self._memory = connection, uplink, memory
        self._endpoint = OcppEndpoint(supported(frozenset()))
        self._line = Line(connection, chance)
        self._own = own_calls.OwnCalls(bus, self._endpoint, Registration.resumed(start_id, memory.load()))
        self._offers = Offers(bus, self._endpoint)
        self._desk = asked.Desk(bus, self._endpoint, self._send, self._own.trigger)
        self._wanted = Wanted(bus, about, wrong_with)
        self._told, self._alarms = told.Told(bus), told.Alarms(bus)
        self._to_configure = False
        """Settings are not followed yet: the open connection is just being used."""
        self.settings_revision = 0

    def on_start(self, now: Now) -> None:
        self._say(now)

    def on_message(self, message: Received, now: Now) -> None:
        del now
        body = message.body
        if message.topic is QUEUE_OFFER:
            self._offers.heard(body)
        elif message.topic is QUEUE_SETTLED:
            self._offers.settled(body)
        elif isinstance(body, Answered):
            self._desk.heard(body)
            self._own.heard(body)
            self._alarms.heard(body)
        elif message.topic is SETTINGS_VALUES:
            self.settings_revision = body.revision

    def on_time(self, now: Now) -> float:
        self._uplink.on_time()
        self._follow_settings(now)
        self._line.set_uplink(self._uplink.up, now.boot_s)
        self._let_happen(now)
        self._end_overdue(now)
        self._configure(now)
        if self._line.phase is Phase.OPEN:
            self._speak(now)
        repeat_s = self._offers.repeat(now)
        self._memory.keep(self._own.registration.kept())
        self._say(now)
        watch_s = self._alarms.watch(self._line, self._wanted.watchdog_s, now)
        return min(repeat_s, watch_s, self._told.due_s(), self._line.due_s(), self._speaking_s(), self._wanted.due_s())

    def on_stop(self, now: Now) -> None:
        del now
        self._line.close()

    def sources(self) -> Iterable[Source]:
        return (self._connection, self._uplink)

    def _follow_settings(self, now: Now) -> None:
        wanted = self._wanted
        if wanted.follow(now) and wanted.keys is not None:
            self._endpoint.supported = supported(wanted.keys.profiles)
            self._own.key_changed(wanted.keys.heartbeat_s, forced=wanted.keys.heartbeat_forced)
            self._to_configure = True
            self._configure(now)

    def _configure(self, now: Now) -> None:
        """The answer to ChangeConfiguration goes out on the connection that it ends, and no CALL is cut off."""
        keys = self._wanted.keys
        busy = self._line.phase is Phase.OPEN and (self._desk.owes or self._endpoint.in_flight is not None)
        if self._to_configure and keys is not None and not busy:
            self._to_configure = False
            self._line.configure(self._wanted.target, keys.timeout_s, keys.ping_s, now.boot_s)
            self._let_happen(now)

    # the open connection

    def _take(self, happened: Up | Down | Text | Binary, now: Now) -> None:
        match happened:
            case Up():
                self._endpoint.connected()
                self._own.connected(self._wanted.fingerprint(), now)
            case Down():
                self._desk.disconnected()
                self._ended(self._endpoint.disconnected(), now)
            case Text(text=text):
                self._endpoint.deaf = not self._own.registration.may_answer
                for effect in self._endpoint.receive(text):
                    if isinstance(effect, Reply):
                        self._send(effect.frame)
                    elif isinstance(effect, Asked):
                        self._desk.take(effect, self._own.registration, now)
                    else:
                        self._ended(effect, now)
            case Binary(size=size):
                self._endpoint.binary(size)

    def _let_happen(self, now: Now) -> None:
        while happened := self._line.on_time(now.boot_s):
            for each in happened:
                self._take(each, now)

    def _ended(self, ended: Ended | None, now: Now) -> None:
        if ended is None:
            return
        if ended.outcome in (Outcome.ANSWERED, Outcome.ERROR):
            self._line.proven(now.boot_s)
        if self._offers.in_flight:
            self._offers.ended(ended, now)
        else:
            self._own.ended(ended, now)

    def _end_overdue(self, now: Now) -> None:
        """OCPP 1.6 leaves the time-out to us; a backend that does not answer is left (the guide, 9.6)."""
        ended = self._endpoint.timed_out(now.boot_s)
        if ended is not None:
            self._ended(ended, now)
            self._line.drop(f"{ended.action} was not answered in time", now.boot_s)
            self._let_happen(now)

    def _speak(self, now: Now) -> None:
        """At most one CALL: ours first, then the queue's."""
        if self._endpoint.in_flight is not None or self._wanted.keys is None or self._to_configure:
            return
        timeout_s = self._wanted.keys.timeout_s
        frame = self._own.next_frame(self._wanted.keys.content, now, timeout_s)
        if frame is None and self._own.registration.may_send and not self._desk.holds(now.boot_s):
            frame = self._offers.next_frame(now, timeout_s)
        if frame is not None:
            self._send(frame)

    def _send(self, frame: str) -> None:
        self._own.heartbeat.spoke(self._bus.clock.now().boot_s)
        self._line.send(frame)

    # times and words

    def _speaking_s(self) -> float:
        if self._line.phase is not Phase.OPEN:
            return float("inf")
        in_flight = self._endpoint.in_flight
        if in_flight is not None:
            return in_flight.deadline_s
        return min(self._own.due_s(), self._desk.hold_until_s)

    def _say(self, now: Now) -> None:
        if self._offers.broken:
            self._alarms.event(self._offers.broken, now)
            self._offers.broken = ""
        self._told.say(
            now,
            line=self._line,
            registration=self._own.registration,
            url=self._wanted.url,
            heartbeat_s=self._own.interval.in_force_s(),
            registered_wall_s=self._own.registered_wall_s,
            bad=self._wanted.bad,
            bad_authority=self._wanted.bad_authority,
        )
