"""A command's place on the bus: it listens and asks, but owns nothing."""

import os
import select
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.ids import new_run_id
from bus.socket import BusSocket
from bus.topics import Topic
from chargectl.output import Failure
from schemas.base import Answer, Answered, Request
from services.clock import StationClock
from services.exit_codes import ExitCode
from services.home import Home

ANSWER_S = 5.0


class Wire:
    """One endpoint on the station's sockets, waited for in a blocking way."""

    def __init__(self, home: Home, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        try:
            self._socket = BusSocket(endpoint, home.socket_directory("bus"), listen=False)
        except OSError as error:
            raise Failure(f"cannot join the bus: {error}") from error
        self._poll = select.poll()
        for descriptor in self._socket.filenos():
            self._poll.register(descriptor, select.POLLIN)

    def turn(self, until_s: float, has_news: Callable[[], bool]) -> None:
        """Takes in what has arrived; if that is nothing, waits for more until the boot-clock time `until_s`."""
        next_s = min(self.endpoint.on_time(), until_s)
        # after a send the descriptor may stay quiet although something has arrived: look before waiting
        if self._socket.drain() or has_news():
            return
        wait_s = min(max(0.0, next_s - self.endpoint.clock.now().boot_s), 60.0)
        self._poll.poll(wait_s * 1000)
        self._socket.drain()

    def close(self) -> None:
        self._socket.close()


class BusClient:
    """`hears` and `asks` as of an Endpoint. Use as a context manager."""

    def __init__(self, home: Home, hears: Iterable[Topic[Any]] = (), asks: Iterable[Topic[Any]] = ()) -> None:
        self.clock = StationClock()
        self.bus = Endpoint(f"chargectl-{os.getpid()}", self.clock, run_id=new_run_id(), hears=hears, asks=asks)
        self._wire = Wire(home, self.bus)

    def __enter__(self) -> "BusClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def messages(self, until_s: float) -> Iterator[Received]:
        """What arrives until the boot-clock time `until_s`."""
        while True:
            while self.bus.inbox:
                yield self.bus.inbox.popleft()
            if self.clock.now().boot_s >= until_s:
                return
            self._wire.turn(until_s, lambda: bool(self.bus.inbox))

    def listen(self, seconds: float) -> None:
        """Takes in everything for so long; `bus.latest` then has it."""
        for _ in self.messages(self.clock.now().boot_s + seconds):
            pass

    def wait_for(self, wanted: Iterable[tuple[Topic[Any], str]], seconds: float) -> bool:
        """Listens until every (topic, key) has been heard, at most so long; retained values come within moments."""
        missing = [(topic, key) for topic, key in wanted if self.bus.latest(topic, key).body is None]
        for received in self.messages(self.clock.now().boot_s + seconds) if missing else ():
            missing = [place for place in missing if place != (received.topic, received.key)]
            if not missing:
                break
        return not missing

    def ask(self, topic: Topic[Any], body: type[Request], **fields: Any) -> Answered:
        """Sends the request and waits for its answer.

        Raises Failure: refused by its owner, not valid, or no answer (its owner is down).
        """
        return _checked(self.hear_answer(topic, body, **fields), topic.owner)

    def hear_answer(
        self, topic: Topic[Any], body: type[Request], patience_s: float = ANSWER_S, **fields: Any
    ) -> Answered:
        """The same, and a refusal is an answer. Raises Failure: not valid, or no answer within `patience_s`."""
        now_s = self.clock.now().boot_s
        request = body(request_id=self.bus.new_id(), expires_s=now_s + patience_s, **fields)
        try:
            self.bus.request(topic, request)
        except ValueError as error:
            raise Failure(f"that cannot be asked: {error}", ExitCode.USAGE) from error
        for received in self.messages(now_s + patience_s + 5.0):
            if isinstance(received.body, Answered) and received.body.request_id == request.request_id:
                if received.body.outcome is Answer.EXPIRED:
                    break
                return received.body
        raise Failure(_no_answer(topic.owner), ExitCode.NOT_RUNNING)


def _checked(answered: Answered, owner: str) -> Answered:
    if answered.outcome is Answer.EXPIRED:
        raise Failure(_no_answer(owner), ExitCode.NOT_RUNNING)
    if answered.outcome in (Answer.REJECTED, Answer.NOT_SUPPORTED, Answer.UNKNOWN):
        raise Failure(f"{owner} says no: {answered.reason or answered.outcome}", ExitCode.REFUSED)
    return answered


def _no_answer(owner: str) -> str:
    return f"{owner} did not answer; is it up? See: chargectl status, chargectl log tail {owner}"
