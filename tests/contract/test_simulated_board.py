"""The same promises of the board's abilities, on the board in one process and on the board over a socket."""

import math
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from hardware.interfaces import Light, LockDrive, PeopleBoard, PilotMode, SafetyBoard
from hardware.sim.board import SimulatedSafetyBoard, fitted_of
from hardware.sim.direct import DirectPeopleBoard, DirectSafetyBoard
from hardware.sim.link import boot_s
from hardware.sim.people import SimulatedPeopleBoard
from hardware.sim.site import ConnectorDescription, Ev, Site, SiteDescription
from schemas.station import ConnectorSection, Station
from services.home import Home
from services.world.station import World

pytestmark = pytest.mark.contract

STATION = Station(connector={"1": ConnectorSection(), "2": ConnectorSection(cable="fixed", mirror_contact=False)})
FITTED = {number: fitted_of(section) for number, section in STATION.connectors.items()}
PATIENCE_S = 10.0


class Bench(Protocol):
    """A board, the site it stands on, and time that passes."""

    board: SafetyBoard
    people: PeopleBoard

    def now_s(self) -> float: ...
    def do(self, act: Callable[[Site], Any]) -> None: ...
    def turn(self) -> None:
        """A few milliseconds pass."""


class DirectBench:
    def __init__(self) -> None:
        self._now_s = 1000.0
        description = {1: ConnectorDescription(), 2: ConnectorDescription(True, False, mirror_contact=False)}
        self.site = Site(SiteDescription(description), now_s=self._now_s)
        self.board: SafetyBoard = DirectSafetyBoard(self.site, self.now_s)
        self.people: PeopleBoard = DirectPeopleBoard(self.site, self.now_s)

    def now_s(self) -> float:
        return self._now_s

    def do(self, act: Callable[[Site], Any]) -> None:
        self.site.advance(self._now_s)
        act(self.site)

    def turn(self) -> None:
        self._now_s += 0.005
        self.board.receive()


class RunningWorld:
    """A world whose loop turns in a thread of this test."""

    def __init__(self, home: Home) -> None:
        self.world = World(home, STATION, boot_s)
        self._ends = False
        self._acts: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        while not self._ends:
            while self._acts:
                self._acts.pop(0)()
            wait_s = self.world.on_clock(boot_s()) - boot_s()
            select.select([self.world], [], [], min(0.005, max(0.0, wait_s)))
            self.world.receive()

    def do(self, act: Callable[[Site], Any]) -> None:
        done = threading.Event()

        def acted() -> None:
            self.world.site.advance(boot_s())
            act(self.world.site)
            done.set()

        self._acts.append(acted)
        assert done.wait(PATIENCE_S)

    def stop(self) -> None:
        self._ends = True
        self._thread.join()
        self.world.close()


class SocketBench:
    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.home.make_directories()
        self.running = RunningWorld(self.home)
        socket_path = self.home.socket_directory() / "board.sock"
        self.board: SafetyBoard = SimulatedSafetyBoard(socket_path, FITTED)
        self.people: PeopleBoard = SimulatedPeopleBoard(socket_path)
        self.now_s = boot_s
        self.do = self.running.do

    def turn(self) -> None:
        select.select([self.board], [], [], 0.005)
        self.board.receive()
        self.people.receive()

    def restart_world(self) -> None:
        self.running.stop()
        self.running = RunningWorld(self.home)
        self.do = self.running.do

    def close(self) -> None:
        self.board.close()  # type: ignore[attr-defined]
        self.people.close()  # type: ignore[attr-defined]
        self.running.stop()


@pytest.fixture(params=["direct", "socket"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "direct":
        yield DirectBench()
        return
    made = SocketBench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def socket_bench(tmp_path: Path) -> Iterator[SocketBench]:
    made = SocketBench(tmp_path)
    yield made
    made.close()


def until(bench: Bench, condition: Callable[[], bool], feed: bool = False) -> float:
    """Turn until it is so; returns how long it took. Feeds at every turn if asked to."""
    start, gives_up = bench.now_s(), time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < gives_up, "it never came true"
        if feed:
            bench.board.feed.feed(bench.now_s())
            bench.board.flush()
        bench.turn()
    return bench.now_s() - start


def high_v(bench: Bench, connector: int = 1) -> float:
    levels = bench.board.connectors[connector].pilot.levels()
    return math.nan if levels is None else levels.high_v


def closed(bench: Bench) -> bool | None:
    mirror = bench.board.connectors[1].contactor.mirror()
    return None if mirror is None else mirror.closed


def locked(bench: Bench) -> bool | None:
    lock = bench.board.connectors[1].lock
    assert lock is not None
    feedback = lock.feedback()
    return None if feedback is None else feedback.closed


def close_contactor(bench: Bench) -> None:
    """Tries again if this test was held up for longer than the feed."""
    command = bench.board.connectors[1].contactor.command
    for _ in range(10):
        command(False)
        bench.board.flush()
        bench.board.feed.feed(bench.now_s())
        command(True)
        bench.board.flush()
        gives_up_s = bench.now_s() + 0.5
        until(bench, lambda: closed(bench) is True or bench.now_s() > gives_up_s, feed=True)  # noqa: B023
        if closed(bench):
            return
    raise AssertionError("it never closed")


def test_an_empty_connector_reads_as_empty(bench: Bench) -> None:
    until(bench, lambda: high_v(bench) == 12.0)
    levels = bench.board.connectors[1].pilot.levels()
    assert levels is not None
    assert (levels.low_v, levels.duty, levels.frequency_hz) == (12.0, 1.0, 0.0)
    proximity = bench.board.connectors[1].proximity
    assert proximity is not None
    resistance = proximity.resistance()
    assert resistance is not None
    assert resistance.ohm == math.inf
    assert closed(bench) is False
    assert locked(bench) is False


def test_what_is_not_fitted_is_none(bench: Bench) -> None:
    until(bench, lambda: high_v(bench, 2) == 12.0)
    fixed = bench.board.connectors[2]
    assert fixed.proximity is None
    assert fixed.lock is None
    assert fixed.contactor.mirror() is None


def test_a_plug_shows_at_pilot_and_proximity(bench: Bench) -> None:
    until(bench, lambda: high_v(bench) == 12.0)
    bench.do(lambda site: site.plug_in(1, Ev(), 20))
    until(bench, lambda: 8.0 < high_v(bench) < 10.0)
    proximity = bench.board.connectors[1].proximity
    assert proximity is not None
    resistance = proximity.resistance()
    assert resistance is not None
    assert resistance.ohm == 680.0


def test_a_driven_duty_is_read_back_and_the_vehicle_answers_it(bench: Bench) -> None:
    bench.do(lambda site: site.plug_in(1, Ev(ready_after_s=0.1)))
    until(bench, lambda: high_v(bench) < 10.0)
    bench.board.connectors[1].pilot.drive(PilotMode.PWM, 0.2667)
    bench.board.flush()
    until(bench, lambda: high_v(bench) < 7.0)
    levels = bench.board.connectors[1].pilot.levels()
    assert levels is not None
    assert (levels.duty, levels.frequency_hz, levels.low_v) == (0.2667, 1000.0, -12.0)
    bench.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    bench.board.flush()
    until(bench, lambda: high_v(bench) == -12.0)


def test_nothing_is_driven_before_the_flush(bench: Bench) -> None:
    until(bench, lambda: high_v(bench) == 12.0)
    bench.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    for _ in range(10):
        bench.turn()
    assert high_v(bench) == 12.0
    bench.board.flush()
    until(bench, lambda: high_v(bench) == -12.0)


def test_command_and_feed_of_one_step_close_the_contactor_whatever_their_order(bench: Bench) -> None:
    until(bench, lambda: closed(bench) is False)
    bench.board.connectors[1].contactor.command(True)
    bench.board.feed.feed(bench.now_s())
    bench.board.flush()
    assert until(bench, lambda: closed(bench) is True, feed=True) > 0.01
    bench.board.connectors[1].contactor.command(False)
    bench.board.flush()
    until(bench, lambda: closed(bench) is False, feed=True)


def test_without_a_feed_a_command_does_nothing(bench: Bench) -> None:
    until(bench, lambda: closed(bench) is False)
    bench.board.connectors[1].contactor.command(True)
    bench.board.flush()
    started = bench.now_s()
    until(bench, lambda: bench.now_s() > started + 0.2)
    assert closed(bench) is False


def test_when_the_feed_ends_the_contactor_opens_by_itself_and_a_late_feed_does_not_close_it(bench: Bench) -> None:
    close_contactor(bench)
    last = bench.now_s()
    bench.board.feed.feed(last)
    bench.board.flush()
    until(bench, lambda: closed(bench) is False)
    mirror = bench.board.connectors[1].contactor.mirror()
    assert mirror is not None
    assert 0.15 < mirror.sampled_s - last < 0.2, "150 ms, drop-out and the mirror's lag, by the site's own stamps"
    started = bench.now_s()
    until(bench, lambda: bench.now_s() > started + 0.2, feed=True)
    assert closed(bench) is False
    bench.board.connectors[1].contactor.command(False)
    bench.board.flush()
    close_contactor(bench)


def test_an_old_feed_keeps_nothing_closed(bench: Bench) -> None:
    close_contactor(bench)
    stale = bench.now_s()
    started = stale

    def opens() -> bool:
        bench.board.feed.feed(stale)
        bench.board.flush()
        return closed(bench) is False

    until(bench, opens)
    mirror = bench.board.connectors[1].contactor.mirror()
    assert mirror is not None
    assert mirror.sampled_s - started < 0.2


def test_the_lock_travels_and_reports(bench: Bench) -> None:
    until(bench, lambda: locked(bench) is False)
    lock = bench.board.connectors[1].lock
    assert lock is not None
    lock.drive(LockDrive.LOCK)
    bench.board.flush()
    assert 0.25 < until(bench, lambda: locked(bench) is True) < 5.0
    lock.drive(LockDrive.UNLOCK)
    bench.board.flush()
    until(bench, lambda: locked(bench) is False)


def test_samples_come_at_least_as_often_as_asked(bench: Bench) -> None:
    pilot = bench.board.connectors[1].pilot
    pilot.sample_every(0.02)
    bench.board.flush()
    until(bench, lambda: high_v(bench) == 12.0)
    stamps = set()
    started = bench.now_s()
    while bench.now_s() < started + 0.5:
        bench.turn()
        levels = pilot.levels()
        assert levels is not None
        stamps.add(levels.sampled_s)
    assert len(stamps) >= 10, "25 would be perfect; a busy machine may lose some"


def test_a_frozen_pilot_keeps_its_stamp_while_the_other_readings_go_on(bench: Bench) -> None:
    until(bench, lambda: high_v(bench) == 12.0)
    bench.do(lambda site: site.fault("pilot_frozen", 1, True))
    bench.do(lambda site: site.plug_in(1))
    proximity = bench.board.connectors[1].proximity
    assert proximity is not None

    def plug_seen() -> bool:
        resistance = proximity.resistance()
        return resistance is not None and resistance.ohm == 220.0

    until(bench, plug_seen)
    levels = bench.board.connectors[1].pilot.levels()
    started = bench.now_s()
    until(bench, lambda: bench.now_s() > started + 0.3)
    assert bench.board.connectors[1].pilot.levels() == levels


def test_not_a_number_arrives_as_such(bench: Bench) -> None:
    until(bench, lambda: high_v(bench) == 12.0)
    bench.do(lambda site: site.fault("pilot_nan", 1, True))
    until(bench, lambda: math.isnan(high_v(bench)))


def test_a_card_is_seen_once_with_its_stamp_and_a_second_tap_again(bench: Bench) -> None:
    seen = list(bench.people.reader.cards())
    before = bench.now_s()
    bench.do(lambda site: site.swipe("04CAFE", "reader", (1,)))

    def more() -> int:
        seen.extend(bench.people.reader.cards())
        return len(seen)

    until(bench, lambda: more() == 1)
    assert (seen[0].id_tag, seen[0].reader, seen[0].connectors) == ("04CAFE", "reader", (1,))
    assert before <= seen[0].seen_s <= bench.now_s()
    bench.do(lambda site: site.swipe("04CAFE"))
    until(bench, lambda: more() > 1)
    assert seen[1].presentation_id != seen[0].presentation_id or more() > 2


def test_lights_and_text_arrive(bench: Bench) -> None:
    shown: list[Any] = []
    bench.people.indicator.show(1, Light(0.0, 0.0, 1.0, 2.0))
    bench.people.display.show(1, ("Charging", "7.2 kW"))

    def arrived() -> bool:
        bench.do(lambda site: shown.append((site.lights.get(1), site.displays.get(1))))
        return bool(shown[-1] == ((0.0, 0.0, 1.0, 2.0), ("Charging", "7.2 kW")))

    until(bench, arrived)


def test_without_a_world_readings_grow_old_and_nothing_raises(socket_bench: SocketBench) -> None:
    bench = socket_bench
    close_contactor(bench)
    bench.running.stop()
    levels = bench.board.connectors[1].pilot.levels()
    for _ in range(30):
        bench.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
        bench.board.feed.feed(boot_s())
        bench.board.flush()
        bench.people.indicator.show(1, Light(1.0, 0.0, 0.0))
        bench.turn()
    after = bench.board.connectors[1].pilot.levels()
    assert levels is not None
    assert after is not None
    assert after.high_v == levels.high_v
    assert boot_s() - after.sampled_s > 0.03
    bench.running = RunningWorld(bench.home)
    bench.do = bench.running.do
    until(bench, lambda: bench.board.connectors[1].pilot.levels() != after)
    assert closed(bench) is False


def test_a_board_that_starts_before_its_world_finds_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_directories()
    board = SimulatedSafetyBoard(home.socket_directory() / "board.sock", FITTED)
    board.flush()
    board.receive()
    assert board.connectors[1].pilot.levels() is None
    running = RunningWorld(home)
    gives_up = time.monotonic() + PATIENCE_S
    while board.connectors[1].pilot.levels() is None:
        assert time.monotonic() < gives_up
        select.select([board], [], [], 0.01)
        board.receive()
    board.close()
    running.stop()


def test_after_a_reconnect_only_what_is_driven_from_then_on_is_sent(socket_bench: SocketBench) -> None:
    bench = socket_bench
    descriptor = bench.board.fileno()
    bench.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    bench.board.flush()
    until(bench, lambda: high_v(bench) == -12.0)
    bench.restart_world()
    until(bench, lambda: high_v(bench) == 12.0)
    assert bench.board.fileno() == descriptor
    bench.board.flush()
    for _ in range(20):
        bench.turn()
    assert high_v(bench) == 12.0
    bench.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    bench.board.flush()
    until(bench, lambda: high_v(bench) == -12.0)


def test_a_second_safety_driver_takes_over(socket_bench: SocketBench) -> None:
    bench = socket_bench
    until(bench, lambda: high_v(bench) == 12.0)
    second = SimulatedSafetyBoard(bench.home.socket_directory() / "board.sock", FITTED)
    second.connectors[1].pilot.drive(PilotMode.F, 0.0)
    second.flush()
    gives_up = time.monotonic() + PATIENCE_S
    while (levels := second.connectors[1].pilot.levels()) is None or levels.high_v != -12.0:
        assert time.monotonic() < gives_up
        select.select([second], [], [], 0.01)
        second.receive()
    second.close()
