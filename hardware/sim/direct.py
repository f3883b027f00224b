"""The same abilities straight on a pure site in one process: for tests with a hand-cranked clock."""

from collections.abc import Callable, Sequence

from hardware.interfaces import CardSeen, Light, RegisterAnswer, RegisterStep, RegisterWrite
from hardware.sim.apply import apply
from hardware.sim.drivers import Drivers, Fitted
from hardware.sim.sample import connector_readings, station_readings
from hardware.sim.site.registers import ModbusRefusal, words, write_words
from hardware.sim.site.site import Site

BootClock = Callable[[], float]
"""Boot-clock seconds."""
AWAY = "the board does not answer"


class _Now:
    def __init__(self, site: Site, clock: BootClock) -> None:
        self._site = site
        self._clock = clock

    @property
    def site(self) -> Site:
        """The site, brought up to the present."""
        self._site.advance(self._clock())
        return self._site


class DirectSafetyBoard(Drivers):
    """Sampled at every physical change and as often as it was asked for, as the simulated site does for its drivers."""

    def __init__(self, site: Site, clock: BootClock) -> None:
        described = site.description
        fitted = {
            number: Fitted(not each.fixed_cable, each.lock, each.residual_module, each.output_sense)
            for number, each in described.connectors.items()
        }
        super().__init__(fitted, tuple(described.inputs), described.outputs, described.temperatures, described.fan)
        self._now = _Now(site, clock)
        self._due_s = 0.0
        self._revision = -1

    def fileno(self) -> int:
        return -1

    def _reach(self) -> Site:
        """The site of this moment. After it was away nothing is driven but what is driven from then on."""
        site = self._now.site
        was_away, self.trouble = bool(self.trouble), AWAY if site.board_away else ""
        if was_away and not self.trouble:
            self.forget()
        return site

    def receive(self) -> None:
        site = self._reach()
        if self.trouble or (self._revision == site.revision and site.now_s < self._due_s - 1e-9):
            return
        periods = [connector.outputs.sample_every_s or 0.0 for connector in self._connectors.values()]
        self._revision, self._due_s = site.revision, site.now_s + min(periods, default=0.0)
        for number, connector in self._connectors.items():
            connector.take(connector_readings(site, number))
        self.take_station(station_readings(site))

    def flush(self) -> None:
        site = self._reach()
        arrives = not self.trouble
        outputs = self.driven(site.now_s) if arrives else None
        if outputs is not None:
            apply(site, outputs)
        if arrives:
            self.flushed_s = site.now_s
        self.flushed(arrives)


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

    def ask(self, steps: Sequence[RegisterStep]) -> bool:
        if self._answer is not None:
            return False
        site = self._now.site
        meter = site.meters[self._meter]
        values: tuple[tuple[int, ...], ...] = ()
        answered_s, error, refused = site.now_s + meter.late_s, "", False
        if meter.silent or meter.late_s >= self._timeout_s:
            answered_s, error = site.now_s + self._timeout_s, f"no answer within {self._timeout_s:g} s"
        elif meter.corrupt:
            error = "damaged answer"
        else:
            values, error = self._take(site, steps)
            refused = bool(error)
        self._answer = RegisterAnswer(site.now_s, answered_s, values, error, refused)
        return True

    def _take(self, site: Site, steps: Sequence[RegisterStep]) -> tuple[tuple[tuple[int, ...], ...], str]:
        try:
            return tuple(self._step(site, step) for step in steps), ""
        except ModbusRefusal as refusal:
            return (), str(refusal)

    def _step(self, site: Site, step: RegisterStep) -> tuple[int, ...]:
        if isinstance(step, RegisterWrite):
            write_words(site, self._meter, step.address, step.words)
            return ()
        return words(site, self._meter, *step)

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
