"""The bus on real ZeroMQ sockets."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import zmq

from bus.endpoint import Endpoint, Heard
from bus.envelope import LARGEST_FRAME, REQUEST_MARK
from bus.socket import LONGEST_PATH, BusSocket
from bus.topics import ANSWERED, HEARTBEATS, METERING_READING, SETTINGS_CHANGE, SETTINGS_VALUES, Topic
from schemas.base import Answer, Message
from schemas.metering import MeterReading, Quality
from schemas.settings import ChangeSettingRequest, SettingsSnapshot
from services.clock import StationClock
from services.home import Home

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 10.0
LONG_WAIT_S = 30.0
"""Longer than any test may take: whoever sleeps that long has missed a signal."""

Begin = Callable[..., BusSocket]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    home = Home(tmp_path)
    home.make_directories()
    return home.socket_directory("bus")


@pytest.fixture
def begin(directory: Path) -> Iterator[Begin]:
    """Starts an endpoint on sockets; what is still open at the end is closed."""
    opened: list[BusSocket] = []

    def one(
        owner: str,
        run_id: str = "r1",
        hears: Iterable[Topic[Message]] = (),
        asks: Iterable[Topic[Message]] = (),
        where: Path = directory,
        listen: bool = True,
    ) -> BusSocket:
        endpoint = Endpoint(owner, StationClock(), run_id=run_id, hears=hears, asks=asks)
        opened.append(BusSocket(endpoint, where, listen=listen))
        return opened[-1]

    yield one
    for each in opened:
        if each.filenos():
            each.close(linger_ms=0)


def until(condition: Callable[[], bool], *sockets: BusSocket) -> None:
    """Lets the sockets work until the condition holds."""
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        next_s = min(each.endpoint.on_time() for each in sockets) - StationClock().now().boot_s
        for each in sockets:
            each.drain()
        if condition():
            return
        assert time.monotonic() < deadline_s, "not in time"
        select.select([number for each in sockets for number in each.filenos()], [], [], max(0.0, min(0.02, next_s)))


def a_snapshot(revision: int) -> SettingsSnapshot:
    return SettingsSnapshot(revision=revision, values={})


def revisions(bus: BusSocket) -> list[int]:
    return [m.body.revision for m in bus.endpoint.inbox if m.topic is SETTINGS_VALUES]


def a_change(bus: BusSocket, seconds: float = DEADLINE_S) -> ChangeSettingRequest:
    expires_s = StationClock().now().boot_s + seconds
    return ChangeSettingRequest(request_id=bus.endpoint.new_id(), expires_s=expires_s, key="FreeCharging", value="true")


def test_a_subscriber_may_be_there_before_its_owner(begin: Begin) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,))
    session.drain()
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], session, settings)


def test_a_subscriber_that_comes_later_gets_what_is_retained(begin: Begin) -> None:
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(2))
    session = begin("session", hears=(SETTINGS_VALUES,))
    until(lambda: revisions(session) == [2], session, settings)
    assert session.endpoint.inbox[0].resent
    assert session.endpoint.gaps == 0


def test_a_second_subscriber_to_the_same_topic_gets_it_too(begin: Begin) -> None:
    """ZeroMQ tells an owner of a repeated subscription only when asked to (XPUB_VERBOSE)."""
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    session = begin("session", hears=(SETTINGS_VALUES,))
    until(lambda: revisions(session) == [1], session, settings)
    safety = begin("safety", hears=(SETTINGS_VALUES,))
    until(lambda: revisions(safety) == [1], safety, session, settings)
    assert revisions(session) == [1]


def test_an_owner_that_restarts_is_heard_again_without_a_gap(begin: Begin) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,))
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], session, settings)
    settings.close()
    settings = begin("settings", run_id="r2")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(2))
    until(lambda: revisions(session) == [1, 2], session, settings)
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(3))
    until(lambda: revisions(session) == [1, 2, 3], session, settings)
    assert session.endpoint.gaps == 0
    assert session.endpoint.latest(SETTINGS_VALUES).sender_run == "r2"


def test_a_request_goes_up_the_same_connection_and_its_answer_comes_down(begin: Begin) -> None:
    settings = begin("settings")
    asker = begin("chargectl-1", asks=(SETTINGS_CHANGE,), listen=False)
    request = a_change(asker)
    asker.endpoint.request(SETTINGS_CHANGE, request)
    until(lambda: bool(settings.endpoint.inbox), settings, asker)
    assert settings.endpoint.inbox.popleft().body == request
    settings.endpoint.answer(request.request_id, Answer.ACCEPTED)
    until(lambda: bool(asker.endpoint.inbox), settings, asker)
    answer = asker.endpoint.inbox.popleft()
    assert (answer.topic, answer.body.outcome) == (ANSWERED["settings"], Answer.ACCEPTED)


def test_a_request_asked_before_its_owner_is_there_is_heard_when_it_comes(begin: Begin) -> None:
    asker = begin("chargectl-1", asks=(SETTINGS_CHANGE,), listen=False)
    request = a_change(asker)
    asker.endpoint.request(SETTINGS_CHANGE, request)
    settings = begin("settings")
    until(lambda: bool(settings.endpoint.inbox), settings, asker)
    assert [message.body for message in settings.endpoint.inbox] == [request]


def test_a_request_is_repeated_to_an_owner_that_restarts(begin: Begin) -> None:
    settings = begin("settings")
    asker = begin("chargectl-1", asks=(SETTINGS_CHANGE,), listen=False)
    request = a_change(asker)
    asker.endpoint.request(SETTINGS_CHANGE, request)
    until(lambda: bool(settings.endpoint.inbox), settings, asker)
    settings.close()
    settings = begin("settings", run_id="r2")
    until(lambda: bool(settings.endpoint.inbox), settings, asker)
    assert settings.endpoint.inbox[0].body == request


def test_asking_an_owner_that_never_comes_neither_blocks_nor_raises(begin: Begin) -> None:
    asker = begin("chargectl-1", asks=(SETTINGS_CHANGE,), listen=False)
    for _ in range(3000):
        asker.send_up("settings", REQUEST_MARK + b"settings.change\0")
    asker.endpoint.request(SETTINGS_CHANGE, a_change(asker, 0.001))
    asker.drain()


def test_asking_an_owner_that_is_not_named_in_asks_is_an_error_in_the_program(begin: Begin) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,))
    with pytest.raises(ValueError, match="names none of its requests"):
        session.send_up("system", REQUEST_MARK)


def test_no_signal_is_missed_when_both_sides_sleep_until_their_descriptors_wake_them(begin: Begin) -> None:
    """The descriptors are edge-triggered: a send or a receive may swallow the signal of the next frame."""
    metering = begin("metering", hears=(SETTINGS_VALUES,))
    settings = begin("settings", hears=(METERING_READING,))
    body = MeterReading(meter="connector.1", model="", serial="", quality=Quality.GOOD, reading=None)
    metering.endpoint.publish(METERING_READING, body, key="connector.1")
    sleeping: dict[int, BusSocket] = {}
    epoll = select.epoll()
    for each in (metering, settings):
        for number in each.filenos():
            sleeping[number] = each
            epoll.register(number, select.EPOLLIN)
    begin_s = time.monotonic()
    rounds = 0
    while rounds < 300:
        ready: list[tuple[int, int]] = []
        if not (metering.drain([]) or settings.drain([])) and not (metering.endpoint.inbox or settings.endpoint.inbox):
            ready = epoll.poll(LONG_WAIT_S)
            for each in {sleeping[number] for number, _ in ready}:
                each.drain([pair for pair in ready if sleeping[pair[0]] is each])
        assert time.monotonic() - begin_s < LONG_WAIT_S, f"a signal was missed in round {rounds}"
        while settings.endpoint.inbox:
            settings.endpoint.inbox.popleft()
            rounds += 1
            settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(rounds))
        while metering.endpoint.inbox:
            metering.endpoint.inbox.popleft()
            metering.endpoint.publish(METERING_READING, body, key="connector.1")
    epoll.close()
    assert (metering.endpoint.gaps, settings.endpoint.gaps) == (0, 0)


def test_what_arrives_just_before_something_is_sent_is_not_overlooked(begin: Begin) -> None:
    """Sending swallows the signal of what has arrived on the same socket: it is looked at once more without one."""
    settings = begin("settings")
    session = begin("session", hears=(SETTINGS_VALUES,), asks=(SETTINGS_CHANGE,))
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], session, settings)
    session.drain()
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(2))
    assert select.select(session.filenos(), [], [], DEADLINE_S)[0], "nothing arrived"
    session.send_up("settings", REQUEST_MARK + b"anything")
    session.drain([])
    assert revisions(session) == [1, 2]


def test_a_flood_is_taken_in_parts_and_completely(begin: Begin) -> None:
    settings = begin("settings")
    session = begin("session", hears=(SETTINGS_VALUES,))
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(0))
    until(lambda: revisions(session) == [0], session, settings)
    for number in range(1, 901):
        settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(number))
    until(lambda: len(session.endpoint.inbox) == 901, session, settings)
    assert session.endpoint.gaps == 0


def test_what_a_slow_subscriber_loses_is_counted(begin: Begin) -> None:
    settings = begin("settings")
    session = begin("session", hears=(SETTINGS_VALUES,))
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(0))
    until(lambda: revisions(session) == [0], session, settings)
    last = 20_000
    for number in range(1, last + 1):
        settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(number))
    deadline_s = time.monotonic() + DEADLINE_S
    while revisions(session)[-1] <= last:
        settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(last + 1))
        session.drain()
        assert time.monotonic() < deadline_s
    endpoint = session.endpoint
    assert endpoint.gaps > 0
    assert endpoint.gaps + endpoint.received == endpoint.inbox[-1].sequence


def a_stranger(directory: Path, kind: int) -> tuple["zmq.Context[zmq.Socket[bytes]]", "zmq.Socket[bytes]"]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 1000)
    address = f"ipc://{directory}/settings.sock"
    if kind == zmq.XPUB:
        socket.bind(address)
    else:
        socket.connect(address)
    return context, socket


def test_garbage_and_oversized_frames_from_below_hurt_nobody(begin: Begin, directory: Path) -> None:
    settings = begin("settings")
    session = begin("session", hears=(SETTINGS_VALUES,))
    context, stranger = a_stranger(directory, zmq.XSUB)
    for frame in (b"\x02garbage", b"\x07unknown", b"\x02settings.change\0\xff", b"\x02" + b"x" * (LARGEST_FRAME + 500)):
        stranger.send(frame)
    until(lambda: settings.endpoint.ignored == 4, settings, session)
    stranger.send(b"\x02" + b"x" * (4 * LARGEST_FRAME))
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], settings, session)
    stranger.close(linger=0)
    context.term()
    assert settings.endpoint.ignored == 4


def test_garbage_and_oversized_frames_from_above_are_counted_and_the_next_one_is_heard(
    begin: Begin, directory: Path
) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,))
    context, stranger = a_stranger(directory, zmq.XPUB)
    deadline_s = time.monotonic() + DEADLINE_S
    assert stranger.poll(int(DEADLINE_S * 1000)), "nobody subscribed"
    assert stranger.recv() == b"\x01settings.values\0"
    stranger.send(b"settings.values\0garbage")
    stranger.send(b"settings.values\0" + b"x" * LARGEST_FRAME)
    until(lambda: session.endpoint.ignored == 2, session)
    stranger.close(linger=0)
    context.term()
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], session, settings)
    assert time.monotonic() < deadline_s + DEADLINE_S


def test_a_home_with_a_very_long_path_is_reached_through_a_short_one(tmp_path: Path, begin: Begin) -> None:
    home = Home(tmp_path / ("a long directory name " * 5) / ("another one " * 10))
    home.make_directories()
    where = home.socket_directory("bus")
    try:
        assert len(os.fsencode(home.bus)) > LONGEST_PATH
        settings = begin("settings", where=where)
        session = begin("session", hears=(SETTINGS_VALUES,), where=where)
        settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
        until(lambda: revisions(session) == [1], session, settings)
        assert (home.bus / "settings.sock").exists()
    finally:
        where.parent.unlink()


@pytest.mark.parametrize("listen", [True, False])
def test_a_path_that_is_too_long_is_refused_with_words(tmp_path: Path, listen: bool) -> None:
    where = tmp_path / ("x" * 100)
    where.mkdir()
    endpoint = Endpoint("session", StationClock(), run_id="r", hears=(SETTINGS_VALUES,))
    with pytest.raises(OSError, match="reach the directory through a shorter path"):
        BusSocket(endpoint, where, listen=listen)


def test_a_directory_that_is_not_there_is_refused_with_words(tmp_path: Path) -> None:
    endpoint = Endpoint("settings", StationClock(), run_id="r")
    with pytest.raises(OSError, match="cannot open the bus in"):
        BusSocket(endpoint, tmp_path / "none")


def test_the_last_words_of_an_owner_still_leave(begin: Begin) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,))
    settings = begin("settings")
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(1))
    until(lambda: revisions(session) == [1], session, settings)
    settings.endpoint.publish(SETTINGS_VALUES, a_snapshot(2))
    settings.close()
    until(lambda: revisions(session) == [1, 2], session)


def test_an_end_waits_for_nobody_who_is_not_there(begin: Begin) -> None:
    session = begin("session", hears=(SETTINGS_VALUES,), asks=(SETTINGS_CHANGE,))
    begun_s = time.monotonic()
    session.close(linger_ms=60_000)
    assert time.monotonic() - begun_s < LONG_WAIT_S, "a subscription to an absent owner has lingered"


OWNER = """
import select, sys
from pathlib import Path
from bus.endpoint import Endpoint
from bus.socket import BusSocket
from bus.topics import HEARTBEATS
from schemas.base import Heartbeat
from services.clock import StationClock

endpoint = Endpoint("settings", StationClock(), run_id=sys.argv[2])
bus = BusSocket(endpoint, Path(sys.argv[1]))
while True:
    endpoint.publish(HEARTBEATS["settings"], Heartbeat(pid=1, state="running", version="", started_wall_s=0.0))
    select.select(bus.filenos(), [], [], 0.02)
    bus.drain()
"""


def test_an_owner_killed_by_force_falls_silent_and_is_heard_again_when_it_is_back(
    begin: Begin, directory: Path
) -> None:
    listener = begin("chargectl-1", hears=(HEARTBEATS["settings"],), listen=False)

    def status() -> Heard:
        return listener.endpoint.latest(HEARTBEATS["settings"]).status

    def run() -> str:
        return listener.endpoint.latest(HEARTBEATS["settings"]).sender_run

    for run_id in ("first", "second"):
        with subprocess.Popen(
            [sys.executable, "-c", OWNER, str(directory), run_id], env={**os.environ, "PYTHONPATH": str(ROOT)}
        ) as owner:
            until(lambda run_id=run_id: run() == run_id and status() is Heard.FRESH, listener)  # type: ignore[misc]
            owner.kill()
    until(lambda: status() is Heard.SILENT, listener)
    assert listener.endpoint.gaps == 0
