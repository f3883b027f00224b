"""The microcontroller's own rules (`docs/mcu-protocol.md`), on the simulated one, with a clock turned by hand."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.mcu.frame import VERSION, Frame, FrameReader, encode
from hardware.mcu.link import Outgoing, microseconds
from hardware.mcu.messages import (
    FEED,
    PWM,
    X1,
    ConnectorReading,
    Drive,
    DriveConnector,
    F,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    State,
    Status,
    packed,
    unpacked,
    unpacked_parts,
)
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.mcu import SimulatedMcu
from hardware.sim.site import ConnectorDescription, Site, SiteDescription

pytestmark = pytest.mark.unit

ON = DriveConnector(pilot=PWM, duty=2667, coil=1)
OFF = DriveConnector(pilot=PWM, duty=2667)


class Bench:
    """A microcontroller on a site; the test is the computer."""

    def __init__(self, connectors: int = 1) -> None:
        self.now_s = 100.0
        described = {number: ConnectorDescription() for number in range(1, connectors + 1)}
        self.site = Site(SiteDescription(described), None, self.now_s)
        self.outgoing = Outgoing()
        self.reader = FrameReader()
        self.heard: list[tuple[float, Frame]] = []
        self.connectors = connectors
        pins = DirectSafetyBoard(self.site, lambda: self.now_s)
        self.mcu = SimulatedMcu(pins, self._hear, now_s=self.now_s, boot_id=77)

    def _hear(self, data: bytes) -> None:
        self.heard += [(self.now_s, frame) for frame in self.reader.take(data)]

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s += 0.001
            self.mcu.turn(self.now_s)

    def send(self, kind: int, payload: bytes) -> bytes:
        data = self.outgoing.frame(kind, payload)
        self.mcu.receive(data, self.now_s)
        return data

    def hello(self, run_id: int = 5) -> None:
        self.send(Kind.HELLO, packed(Hello(run_id, microseconds(self.now_s))))

    def drive(self, part: DriveConnector, feed: bool = True) -> bytes:
        head = Drive(microseconds(self.now_s), FEED if feed else 0, 0, self.connectors)
        return self.send(Kind.DRIVE, packed(head, (part,) * self.connectors))

    def keep(self, part: DriveConnector, seconds: float, feed: bool = True) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.drive(part, feed)
            self.wait(0.010)

    def close(self) -> None:
        self.hello()
        self.drive(OFF)
        self.keep(ON, 0.1)
        assert self.site.mirror(1)

    def last(self, kind: int) -> bytes:
        return [frame.payload for _, frame in self.heard if frame.kind == kind][-1]

    @property
    def status(self) -> Status:
        return unpacked(Status, self.last(Kind.STATUS))


def test_when_the_feed_ends_every_coil_is_off_after_100_to_150_ms() -> None:
    bench = Bench(2)
    bench.close()
    assert bench.mcu.energised == [1, 2]
    bench.drive(ON)
    fed_s = bench.now_s
    while bench.mcu.energised:
        bench.wait(0.001)
        bench.drive(ON, feed=False)
        assert bench.now_s < fed_s + 1.0
    assert 0.100 <= bench.now_s - fed_s <= 0.150
    bench.wait(0.05)
    assert not bench.site.mirror(1)


def test_feeding_again_does_not_bring_a_coil_back_and_an_off_and_an_on_do() -> None:
    bench = Bench()
    bench.close()
    bench.wait(0.2)
    bench.keep(ON, 0.5)
    assert bench.mcu.energised == []
    assert bench.status.state == State.NO_FEED
    bench.keep(OFF, 0.05)
    bench.keep(ON, 0.1)
    assert bench.mcu.energised == [1]
    assert bench.status.state == State.READY


def test_a_repeated_frame_feeds_nothing() -> None:
    bench = Bench()
    bench.close()
    data = bench.drive(ON)
    fed_s = bench.now_s
    while bench.mcu.energised:
        bench.mcu.receive(data, bench.now_s)
        bench.wait(0.005)
    assert bench.now_s - fed_s <= 0.150
    assert bench.status.repeated > 10


def test_an_older_frame_that_arrives_late_feeds_nothing() -> None:
    bench = Bench()
    bench.close()
    kept = [bench.outgoing.frame(Kind.DRIVE, packed(Drive(0, FEED, 0, 1), (ON,))) for _ in range(30)]
    bench.drive(ON)
    fed_s = bench.now_s
    for data in kept:
        bench.mcu.receive(data, bench.now_s)
        bench.wait(0.005)
    assert bench.mcu.energised == []
    assert bench.now_s - fed_s >= 0.120


def test_no_coil_moves_without_a_hello_or_without_a_feed() -> None:
    bench = Bench()
    bench.keep(ON, 0.2)
    assert bench.mcu.energised == []
    bench.hello()
    bench.keep(ON, 0.2, feed=False)
    assert bench.mcu.energised == []


def test_another_process_of_the_computer_begins_with_everything_off() -> None:
    bench = Bench()
    bench.close()
    bench.outgoing = Outgoing()
    bench.hello(run_id=6)
    assert bench.mcu.energised == []
    identity, parts = unpacked_parts(Identity, IdentityConnector, _identity(bench))
    assert (identity.run_id, identity.boot_id, len(parts)) == (6, 77, 1)
    bench.keep(ON, 0.1)
    assert bench.mcu.energised == [1], "its first command is an edge"


def _identity(bench: Bench) -> bytes:
    bench.wait(0.002)
    return bench.last(Kind.IDENTITY)


def test_a_repeated_hello_of_the_same_process_changes_nothing() -> None:
    bench = Bench()
    bench.close()
    bench.hello()
    assert bench.mcu.energised == [1]


def test_without_a_computer_for_a_second_every_pilot_says_not_available_and_the_bolt_stays() -> None:
    bench = Bench()
    bench.close()
    bench.keep(ON._replace(lock=1), 0.8)
    assert bench.site.lock_feedback(1)
    bench.wait(0.95)
    assert bench.site.state()["connectors"]["1"]["pilot_mode"] == "PWM"
    bench.wait(0.1)
    assert bench.site.state()["connectors"]["1"]["pilot_mode"] == "F"
    assert bench.status.state == State.NO_HOST
    assert bench.site.lock_feedback(1)
    bench.drive(OFF)
    bench.wait(0.2)
    assert bench.site.state()["connectors"]["1"]["pilot_mode"] == "PWM"


def test_it_repeats_what_it_has_understood_and_measures_beside_it() -> None:
    bench = Bench()
    bench.hello()
    bench.drive(OFF._replace(lock=1))
    bench.site.fault("pwm_stuck", 1, True)
    bench.drive(OFF._replace(duty=5000))
    bench.wait(0.01)
    reading = unpacked(ConnectorReading, bench.last(Kind.CONNECTOR))
    assert (reading.pilot, reading.driven_duty, reading.lock) == (PWM, 5000, 0)
    assert reading.duty == 2667


def test_a_shut_down_microcontroller_energises_nothing() -> None:
    bench = Bench()
    bench.close()
    bench.mcu.state = State.BROKEN
    bench.keep(ON, 0.02)
    assert bench.mcu.energised == []
    bench.keep(OFF, 0.05)
    bench.keep(ON, 0.2)
    assert bench.mcu.energised == []
    assert bench.status.state == State.BROKEN


@pytest.mark.parametrize(
    "part",
    [
        ON._replace(pilot=3),
        ON._replace(duty=10_001),
        ON._replace(coil=2),
        ON._replace(lock=3),
        ON._replace(phases=3),
        ON._replace(residual_test=9),
    ],
)
def test_an_impossible_vector_is_dropped_as_a_whole(part: DriveConnector) -> None:
    bench = Bench()
    bench.close()
    bench.drive(part)
    fed_s = bench.now_s
    while bench.mcu.energised:
        bench.drive(part)
        bench.wait(0.005)
    assert bench.now_s - fed_s <= 0.150, "it does not feed either"


def test_a_vector_for_another_number_of_connectors_is_dropped() -> None:
    bench = Bench(2)
    bench.hello()
    bench.send(Kind.DRIVE, packed(Drive(0, FEED, 0, 1), (ON,)))
    bench.wait(0.05)
    assert bench.mcu.energised == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=120), max_size=20), st.randoms(use_true_random=False))
def test_no_garbage_and_no_damaged_frame_ever_energises_a_coil(parts: list[bytes], chance: random.Random) -> None:
    bench = Bench()
    bench.hello()
    bench.drive(OFF, feed=False)
    for part in parts:
        whole = bytearray(bench.outgoing.frame(Kind.DRIVE, packed(Drive(0, FEED, 0, 1), (ON,))))
        place = chance.randrange(1, len(whole) - 1)
        whole[place] ^= chance.randrange(1, 256)
        bench.mcu.receive(part + bytes(whole), bench.now_s)
        bench.wait(0.005)
    assert bench.mcu.energised == []
    bench.drive(OFF)
    bench.keep(ON, 0.05)
    assert bench.mcu.energised == [1], "and the link still works"


def test_frames_of_another_version_are_not_understood() -> None:
    bench = Bench()
    bench.hello()
    data = encode(Frame(VERSION + 1, Kind.DRIVE, 9, packed(Drive(0, FEED, 0, 1), (ON,))))
    bench.mcu.receive(data, bench.now_s)
    bench.wait(0.05)
    assert bench.mcu.energised == []


def test_it_starts_with_f_on_the_pilot_and_ends_it_with_the_first_vector() -> None:
    bench = Bench()
    bench.wait(0.05)
    assert unpacked(ConnectorReading, bench.last(Kind.CONNECTOR)).pilot == F
    bench.hello()
    bench.drive(DriveConnector())
    bench.wait(0.05)
    assert unpacked(ConnectorReading, bench.last(Kind.CONNECTOR)).pilot == X1


def test_after_a_second_without_a_computer_a_coil_needs_a_0_and_a_1() -> None:
    bench = Bench()
    bench.close()
    bench.wait(1.2)
    reading = unpacked(ConnectorReading, bench.last(Kind.CONNECTOR))
    assert (reading.pilot, reading.coil, reading.lock) == (F, 1, 0)
    bench.keep(ON, 0.1)
    assert bench.mcu.energised == []
    bench.drive(OFF)
    bench.keep(ON, 0.1)
    assert bench.mcu.energised == [1]


def test_what_is_not_understood_counts_in_the_sequence_and_is_no_sign_of_life() -> None:
    bench = Bench()
    bench.close()
    bench.drive(OFF)
    echo_us, lost = bench.mcu._status(bench.now_s).echo_us, bench.status.lost
    for _ in range(55):
        bench.send(0x70, b"of a later release")
        bench.send(Kind.HELLO, b"short")
        bench.drive(ON._replace(pilot=9))
        bench.wait(0.02)
    assert bench.status.state == State.NO_HOST
    assert (bench.status.echo_us, bench.status.lost, bench.status.repeated) == (echo_us, lost, 0)


def test_an_unknown_type_that_was_overtaken_is_a_repetition() -> None:
    bench = Bench()
    bench.hello()
    early = bench.outgoing.frame(0x70, b"of a later release")
    bench.drive(OFF)
    bench.mcu.receive(early, bench.now_s)
    bench.wait(0.1)
    assert bench.status.repeated == 1


def test_a_coil_that_the_hardware_opens_is_told_and_needs_a_0_and_a_1() -> None:
    bench = Bench()
    bench.close()
    assert bench.status.coils == 1
    bench.mcu.trip(1)
    bench.keep(ON, 0.2)
    assert (bench.status.coils, bench.status.state) == (0, State.READY)
    assert not bench.site.mirror(1)
    bench.drive(OFF)
    bench.keep(ON, 0.1)
    assert bench.status.coils == 1


def test_a_driver_that_conducts_by_itself_is_told_whatever_is_driven() -> None:
    bench = Bench()
    bench.hello()
    bench.mcu.short_driver(1, True)
    bench.keep(OFF, 0.2)
    assert bench.status.coils == 1
    assert bench.site.mirror(1)
