"""The same abilities straight on a pure site in one process: for tests with a hand-cranked clock."""

from collections.abc import Callable, Mapping, Sequence

from hardware.interfaces import (
    CardSeen,
    ConnectorBoard,
    DigitalInput,
    DigitalOutput,
    Feedback,
    Light,
    LockDrive,
    PilotLevels,
    PilotMode,
    RegisterAnswer,
    RegisterRead,
    Resistance,
    Tachometer,
    TemperatureSensor,
)
from hardware.sim.apply import apply
from hardware.sim.outputs import PendingOutputs
from hardware.sim.protocol import Outputs
from hardware.sim.site.registers import ModbusRefusal, words
from hardware.sim.site.site import Site

BootClock = Callable[[], float]
"""Boot-clock seconds."""


class _Now:
    def __init__(self, site: Site, clock: BootClock) -> None:
        self._site = site
        self._clock = clock

    @property
    def site(self) -> Site:
        """The site, brought up to the present."""
        self._site.advance(self._clock())
        return self._site


class _Pilot:
    def __init__(self, now: _Now, number: int, outputs: PendingOutputs) -> None:
        self._now, self._number, self._outputs = now, number, outputs

    def levels(self) -> PilotLevels | None:
        return self._now.site.pilot_levels(self._number)

    def drive(self, mode: PilotMode, duty: float) -> None:
        self._outputs.drive_pilot(mode, duty)

    def sample_every(self, period_s: float) -> None:
        """Every read is a sample of its own moment: no period is longer than that."""


class _Proximity:
    def __init__(self, now: _Now, number: int) -> None:
        self._now, self._number = now, number

    def resistance(self) -> Resistance | None:
        site = self._now.site
        ohm = site.proximity_ohm(self._number)
        return None if ohm is None else Resistance(ohm, site.now_s)


class _Contactor:
    def __init__(self, now: _Now, number: int, outputs: PendingOutputs) -> None:
        self._now, self._number, self._outputs = now, number, outputs

    def command(self, closed: bool) -> None:
        self._outputs.command(closed)

    def mirror(self) -> Feedback | None:
        site = self._now.site
        closed = site.mirror(self._number)
        return None if closed is None else Feedback(closed, site.now_s)

    def select_phases(self, phases: int) -> None:
        """Not fitted."""

    def phase_relay(self) -> Feedback | None:
        return None


class _Lock:
    def __init__(self, now: _Now, number: int, outputs: PendingOutputs) -> None:
        self._now, self._number, self._outputs = now, number, outputs

    def drive(self, direction: LockDrive) -> None:
        self._outputs.drive_lock(direction)

    def feedback(self) -> Feedback | None:
        site = self._now.site
        locked = site.lock_feedback(self._number)
        return None if locked is None else Feedback(locked, site.now_s)

    def release_energy(self) -> Feedback | None:
        return None


class _Connector:
    def __init__(self, now: _Now, number: int, has_proximity: bool, has_lock: bool) -> None:
        self.outputs = PendingOutputs()
        self.pilot = _Pilot(now, number, self.outputs)
        self.proximity = _Proximity(now, number) if has_proximity else None
        self.contactor = _Contactor(now, number, self.outputs)
        self.lock = _Lock(now, number, self.outputs) if has_lock else None
        self.residual = None
        self.output_sense = None


class _Feed:
    def __init__(self) -> None:
        self.stamp_s: float | None = None

    def feed(self, stamp_s: float) -> None:
        self.stamp_s = stamp_s


class DirectSafetyBoard:
    def __init__(self, site: Site, clock: BootClock) -> None:
        self._now = _Now(site, clock)
        self._feed = _Feed()
        self.flushed_s = 0.0
        self.inputs: dict[str, DigitalInput] = {}
        self.outputs: dict[str, DigitalOutput] = {}
        self.temperatures: dict[str, TemperatureSensor] = {}
        self.tachometers: dict[str, Tachometer] = {}
        self.trouble = ""
        self._connectors = {
            number: _Connector(self._now, number, not each.fixed_cable, each.lock)
            for number, each in site.description.connectors.items()
        }

    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]:
        return self._connectors

    @property
    def feed(self) -> _Feed:
        return self._feed

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        """Readings are taken when they are read."""

    def flush(self) -> None:
        changed = {number: each.outputs.pending for number, each in self._connectors.items() if each.outputs.changed}
        site = self._now.site
        apply(site, Outputs(sent_s=site.now_s, feed_s=self._feed.stamp_s, connectors=changed))
        self.flushed_s = site.now_s
        self._feed.stamp_s = None
        for each in self._connectors.values():
            each.outputs.sent()
            each.outputs.step_ended()


class _Reader:
    def __init__(self, now: _Now) -> None:
        self._now = now

    def cards(self) -> Sequence[CardSeen]:
        return self._now.site.take_cards()


class _Indicator:
    def __init__(self, now: _Now) -> None:
        self._now = now

    def show(self, connector: int, light: Light) -> None:
        self._now.site.show_light(connector, (light.red, light.green, light.blue, light.blink_hz))


class _Display:
    def __init__(self, now: _Now) -> None:
        self._now = now

    def show(self, connector: int, lines: Sequence[str]) -> None:
        self._now.site.show_text(connector, tuple(lines))


class DirectPeopleBoard:
    def __init__(self, site: Site, clock: BootClock) -> None:
        now = _Now(site, clock)
        self.reader = _Reader(now)
        self.indicator = _Indicator(now)
        self.display = _Display(now)

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        """Cards are taken when they are read."""


class DirectMeterLink:
    """Answers as the simulated meter's Modbus server does, its misbehaviour included.

    `meter` is a name of the site ("connector.1", "site"). Without an answer within `timeout_s` there is an error.
    """

    def __init__(self, site: Site, meter: str, clock: BootClock, timeout_s: float = 1.0) -> None:
        self._now = _Now(site, clock)
        self._meter = meter
        self._clock = clock
        self._timeout_s = timeout_s
        self._answer: RegisterAnswer | None = None

    def ask(self, reads: Sequence[RegisterRead]) -> bool:
        if self._answer is not None:
            return False
        site = self._now.site
        meter = site.meters[self._meter]
        values: tuple[tuple[int, ...], ...] = ()
        answered_s, error = site.now_s + meter.late_s, ""
        if meter.timeout or meter.late_s >= self._timeout_s:
            answered_s, error = site.now_s + self._timeout_s, f"no answer within {self._timeout_s:g} s"
        elif meter.corrupt:
            error = "damaged answer"
        else:
            values, error = self._read(site, reads)
        self._answer = RegisterAnswer(site.now_s, answered_s, values, error)
        return True

    def _read(self, site: Site, reads: Sequence[RegisterRead]) -> tuple[tuple[tuple[int, ...], ...], str]:
        try:
            return tuple(words(site, self._meter, *read) for read in reads), ""
        except ModbusRefusal as refusal:
            return (), str(refusal)

    def answer(self) -> RegisterAnswer | None:
        if self._answer is None or self._clock() < self._answer.answered_s:
            return None
        answer, self._answer = self._answer, None
        return answer

    def next_event_s(self) -> float:
        """When the outstanding answer is there; inf = nothing was asked."""
        return float("inf") if self._answer is None else self._answer.answered_s

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        """Answers are there when their time has come."""
