"""The real message_queue process, killed again and again while it takes facts and settles answers: nothing is lost,
nothing is doubled. This test is its session and its ocpp_link."""

import contextlib
import json
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.endpoint import Endpoint
from bus.handover import Call, LinkMemory, Outcome, Report, Send, ended, offered, sent, settled
from bus.socket import BusSocket
from bus.streams import Mark, Verdict, judge
from bus.topics import (
    HEARTBEATS,
    LINK_OUTCOME,
    LINK_STATUS,
    QUEUE_ACKNOWLEDGED,
    QUEUE_FACT,
    QUEUE_OFFER,
    QUEUE_SETTLED,
    SESSION_ACKNOWLEDGED,
    SESSION_FACT,
    Topic,
)
from schemas.base import Acknowledged
from schemas.message_queue import StartAnswered, StopAnswered
from schemas.ocpp_link import CallOutcome, LinkState, LinkStatus
from schemas.ocpp_link import Outcome as OutcomeWord
from schemas.session import Fact
from services.clock import StationClock
from services.home import Home
from tests.running_station import environment
from tests.virtual.queue_cell import metered, started, stopped

pytestmark = pytest.mark.process

UNACKNOWLEDGED = 8
MOST_WAITING = 100
LONGEST_LIFE_S = 0.08
"""After its first word; it works all the time."""


class Neighbour:
    """One owner on the real bus."""

    def __init__(self, home: Home, owner: str, hears: tuple[Topic[Any], ...]) -> None:
        self.clock = StationClock()
        self.bus = Endpoint(owner, self.clock, run_id=f"test-{owner}", hears=hears)
        self.socket = BusSocket(self.bus, home.socket_directory("bus"))


class Session(Neighbour):
    """Begins one charge after the other; forgets a fact only when it was acknowledged."""

    def __init__(self, home: Home) -> None:
        super().__init__(home, "session", (QUEUE_ACKNOWLEDGED, QUEUE_FACT))
        self.facts: list[Any] = []
        self.acknowledged = 0
        self.answers: list[StartAnswered | StopAnswered] = []
        self.enough = False
        self.may_begin = True
        self._mark: Mark | None = None
        self._next_s = 0.0
        self._said = 0

    def turn(self, now_s: float) -> None:
        while self.bus.inbox:
            body = self.bus.inbox.popleft().body
            if isinstance(body, Acknowledged):
                assert body.mark <= len(self.facts)
                self.acknowledged = max(self.acknowledged, body.mark)
            else:
                self._take(body)
        # A full queue would rightly discard MeterValues.
        while not self.enough and self.may_begin and len(self.facts) - self.acknowledged < UNACKNOWLEDGED:
            number = len(self.facts) // 3 + 1
            self.facts.append([started(number), metered(number, wh=number), stopped(number)][len(self.facts) % 3])
        if now_s >= self._next_s:
            self._next_s, self._said = now_s + 0.1, self.acknowledged
        for number in range(max(self._said, self.acknowledged) + 1, len(self.facts) + 1):
            self._said = number
            fact = Fact(
                stream_id="the stream",
                number=number,
                lowest_unacknowledged=self.acknowledged + 1,
                body=self.facts[number - 1],
            )
            self.bus.publish(SESSION_FACT, fact)

    def _take(self, fact: Any) -> None:
        verdict = judge(self._mark, fact.stream_id, fact.number, fact.lowest_unacknowledged)
        if verdict is Verdict.TAKE:
            self._mark = Mark(fact.stream_id, fact.number)
            self.answers.append(fact.body)
        if verdict is not Verdict.IGNORE and self._mark is not None:
            self.bus.publish(SESSION_ACKNOWLEDGED, Acknowledged(stream_id=fact.stream_id, mark=self._mark.number))


class Link(Neighbour):
    """Never dies, and its backend answers at once: no repeat on the wire has an excuse."""

    def __init__(self, home: Home) -> None:
        super().__init__(home, "ocpp_link", (QUEUE_OFFER, QUEUE_SETTLED))
        self.wire: list[tuple[str, str, dict[str, Any]]] = []
        self._memory = LinkMemory()
        self._outcomes: dict[Call, CallOutcome] = {}
        self._next_s = 0.0

    def turn(self, now_s: float) -> None:
        while self.bus.inbox:
            message = self.bus.inbox.popleft()
            body = message.body
            if message.topic is QUEUE_SETTLED:
                self._memory = settled(self._memory, Call(body.message_id, body.attempt))
            elif body.message_id:
                self._offered(body)
        if now_s >= self._next_s:
            self._next_s = now_s + 1.0
            self.bus.publish(LINK_STATUS, LinkStatus(state=LinkState.ONLINE))
            for report in self._memory.unsettled:
                self.bus.publish(LINK_OUTCOME, self._outcomes[report.call])

    def _offered(self, offer: Any) -> None:
        call = Call(offer.message_id, offer.attempt)
        does = offered(self._memory, call)
        if isinstance(does, Send):
            payload = json.loads(offer.payload)
            self.wire.append((offer.message_id, offer.action, payload))
            answer: dict[str, Any] = {"idTagInfo": {"status": "Accepted"}} if offer.action != "MeterValues" else {}
            if offer.action == "StartTransaction":
                answer["transactionId"] = int(payload["idTag"].removeprefix("CARD-"))
            body = CallOutcome(
                message_id=offer.message_id,
                attempt=offer.attempt,
                outcome=OutcomeWord.ANSWERED,
                payload=json.dumps(answer),
                ended_wall_s=time.time(),
            )
            self._outcomes[call] = body
            self._memory, _ = ended(sent(self._memory, call), Outcome.ANSWERED)
            self.bus.publish(LINK_OUTCOME, body)
        elif isinstance(does, Report):
            self.bus.publish(LINK_OUTCOME, self._outcomes[does.call])


class Rig:
    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.make_directories()
        self.home.station_file.write_text("[connector.1]\n", encoding="utf-8")
        self.session, self.link = Session(self.home), Link(self.home)
        self.watcher = Neighbour(self.home, "test", (HEARTBEATS["message_queue"],))
        self.neighbours = (self.session, self.link, self.watcher)
        self.process: subprocess.Popen[bytes] | None = None
        self._poll = select.poll()
        for neighbour in self.neighbours:
            for descriptor in neighbour.socket.filenos():
                self._poll.register(descriptor, select.POLLIN)

    def start(self) -> None:
        """Until it is heard."""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.message_queue"],
            env={**environment(), "CHARGE_HOME": str(self.home.root), "CHARGE_START_ID": "one"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        process = self.process.pid
        self.until(lambda: self._beat() == process, 20.0, "the process is heard")

    def _beat(self) -> int:
        body = self.watcher.bus.latest(HEARTBEATS["message_queue"]).body
        return 0 if body is None else body.pid

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def until(self, happened: Any, seconds: float, what: str) -> None:
        deadline_s = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline_s, f"not within {seconds:g} s: {what}"
            self.turn()

    def run(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.turn()

    def turn(self) -> None:
        self._poll.poll(2)
        now_s = time.monotonic()
        for neighbour in self.neighbours:
            neighbour.socket.drain()
        self.link.turn(now_s)
        self.session.may_begin = len(self.session.facts) - len(self.link.wire) < MOST_WAITING
        self.session.turn(now_s)
        self.watcher.bus.inbox.clear()

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
        for neighbour in self.neighbours:
            neighbour.socket.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "home")
    yield made
    made.close()


def killed_so_often(rig: Rig, kills: int) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"SEED={seed}")
    chance = random.Random(seed)
    rig.start()
    for _ in range(kills):
        rig.run(chance.uniform(0.0, LONGEST_LIFE_S))
        rig.kill()
        rig.start()
    rig.session.enough = True
    session = rig.session
    rig.until(lambda: session.acknowledged == len(session.facts), 30.0, "every fact is acknowledged")
    rig.until(lambda: len(rig.link.wire) >= len(session.facts), 30.0, "every message is sent")
    charges, rest = divmod(len(session.facts), 3)
    answers = 2 * charges + (rest > 0)
    rig.until(lambda: len(session.answers) >= answers, 30.0, "every answer is heard")
    check(rig)


def check(rig: Rig) -> None:
    """Each fact once on the wire, in order, under an id of its own; each answer once at session."""
    said = [type(fact).__name__.removeprefix("Transaction") for fact in rig.session.facts]
    words = {"StartTransaction": "Started", "MeterValues": "MeterValues", "StopTransaction": "Stopped"}
    assert [words[action] for _, action, _ in rig.link.wire] == said
    assert len({message_id for message_id, _, _ in rig.link.wire}) == len(said)
    for place, (_, action, payload) in enumerate(rig.link.wire):
        number = place // 3 + 1
        if action == "StartTransaction":
            assert payload["idTag"] == f"CARD-{number}"
        else:
            assert payload["transactionId"] == number
    charges = [f"transaction-{number}" for number in range(1, len(said) // 3 + 2)]
    heard = [(type(answer), answer.transaction_id) for answer in rig.session.answers]
    wanted = [(kind, charge) for charge in charges for kind in (StartAnswered, StopAnswered)]
    assert heard == wanted[: len(heard)]


def test_ten_kills_lose_and_double_nothing(rig: Rig) -> None:
    killed_so_often(rig, 10)
    assert len(rig.session.facts) > 50


@pytest.mark.long
def test_two_hundred_kills_lose_and_double_nothing(rig: Rig) -> None:
    killed_so_often(rig, 200)
    assert len(rig.session.facts) > 1000
