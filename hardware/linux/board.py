"""The board `direct-gpio`: pilot, contactor and lock straight on this computer. A laboratory board: see the station
file's `hardware_interlock`."""

import contextlib
import os
import select
from collections.abc import Callable, Mapping

from hardware.coil import FreshFeed
from hardware.interfaces import ConnectorBoard, DigitalInput, DigitalOutput, Tachometer, TemperatureSensor
from hardware.linux.adc import ProximityAdc, ScaledAdc
from hardware.linux.clock import boot_s
from hardware.linux.gpio import Gpio, LineUse
from hardware.linux.gpio_library import OpenChip, real_chip
from hardware.linux.parts import (
    LineContactor,
    LineInput,
    LineLock,
    LineOutput,
    LineResidualCurrent,
    LinuxOutputSense,
    LinuxProximity,
)
from hardware.linux.pilot import LinuxPilot
from hardware.linux.places import Places
from hardware.linux.pwm import PwmChannel
from hardware.linux.sampler import Sampler
from hardware.linux.slow import SlowSensors
from hardware.linux.sysfs import Sysfs
from hardware.linux.watchdog import Watchdog
from hardware.outlet import OUTPUT, FedOutput, OutletConnector
from schemas.board import GpioConnector, GpioSection
from schemas.station import Station

INPUT_LINES = (
    "mirror", "phase_relay_feedback", "lock_feedback", "lock_release", "residual_dc", "residual_rms", "residual_error",
)  # fmt: skip
OUTPUT_LINES = ("contactor", "pilot_negative", "phase_relay", "lock", "unlock", "residual_test")
FEED = "feed"
POLL_S = 0.010
"""Edges come at once; every line is read anyway, at most this often."""


def line_uses(gpio: GpioSection) -> dict[str, LineUse]:
    """Every line by purpose."""
    uses = {FEED: LineUse(gpio.feed, output=True)}
    for number, wired in gpio.connector.items():
        for names, output in ((INPUT_LINES, False), (OUTPUT_LINES, True)):
            for name in names:
                text = getattr(wired, name)
                if text is not None:
                    uses[f"connector {number} {name}"] = LineUse(text, output)
    uses |= {f"input {name}": LineUse(text, output=False) for name, text in gpio.inputs.items()}
    uses |= {f"output {name}": LineUse(text, output=True) for name, text in gpio.outputs.items()}
    return uses


class _Connector:
    def __init__(
        self,
        number: str,
        wired: GpioConnector,
        gpio: Gpio,
        sysfs: Sysfs,
        places: Places,
        clock: Callable[[], float],
        sampled: Callable[[], None],
    ) -> None:
        self.prefix = prefix = f"connector {number}"
        self.pilot = LinuxPilot(
            PwmChannel(sysfs, wired.pilot_pwm, wired.pilot_inverted),
            ScaledAdc(sysfs, wired.pilot_high, places.of(f"{prefix} pilot_high")),
            ScaledAdc(sysfs, wired.pilot_low, places.of(f"{prefix} pilot_low")),
            lambda on: gpio.drive(f"{prefix} pilot_negative", on),
            lambda: (read := gpio.read(f"{prefix} pilot_negative")) is not None and read.closed,
            clock,
            lambda: self.sampler.hurry(),
            sampled,
        )
        self.proximity = None
        if wired.proximity is not None:
            adc = ProximityAdc(sysfs, wired.proximity, places.of(f"{prefix} proximity"))
            self.proximity = LinuxProximity(adc, clock)
        self.output_sense = None
        if wired.output_sense is not None:
            phases = enumerate(wired.output_sense, 1)
            l1, l2, l3 = (ScaledAdc(sysfs, each, places.of(f"{prefix} output_sense L{n}")) for n, each in phases)
            self.output_sense = LinuxOutputSense((l1, l2, l3), clock)
        self.contactor = LineContactor(gpio, prefix, wired.mirror is not None, wired.phase_relay is not None)
        self.lock = None
        if wired.lock is not None:
            self.lock = LineLock(gpio, prefix, wired.lock_feedback is not None, wired.lock_release is not None)
        self.residual = None
        if wired.residual_dc is not None:
            self.residual = LineResidualCurrent(gpio, prefix, wired.residual_error is not None)
        jobs = [each for each in (self.pilot, self.proximity, self.output_sense) if each is not None]
        self.sampler = Sampler(prefix, jobs, clock)


class DirectGpioBoard:
    """`fileno` is an epoll over the chips' edges and the sampling threads.

    Lines are written and read by the caller's thread; ADC channels and slow sensors by threads of their own, started by
    the first `flush`.
    """

    def __init__(
        self,
        station: Station,
        *,
        sysfs: Sysfs | None = None,
        open_chip: OpenChip | None = None,
        clock: Callable[[], float] = boot_s,
    ) -> None:
        gpio = station.gpio
        if gpio is None:
            raise ValueError("the station file has no section [gpio]")
        sysfs = sysfs or Sysfs()
        self._clock = clock
        self._gpio = Gpio(line_uses(gpio), gpio.chip, gpio.debounce_s, clock, open_chip or real_chip)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.epoll()
        self._poll.register(self._wake, select.EPOLLIN)
        self._registered: dict[int, int] = {}
        """By place of the chip: which of its openings the epoll holds."""
        self._openings = 0
        self._places = Places()
        self._connectors = {
            int(number): _Connector(number, wired, self._gpio, sysfs, self._places, clock, self._sampled)
            for number, wired in gpio.connector.items()
        }
        self.inputs: dict[str, DigitalInput] = {name: LineInput(self._gpio, f"input {name}") for name in gpio.inputs}
        self.outputs: dict[str, DigitalOutput] = {
            name: LineOutput(self._gpio, f"output {name}") for name in gpio.outputs
        }
        self._outlets = {} if station.outlet is None else {station.outlet: OutletConnector()}
        self._fed = FedOutput(self.outputs[OUTPUT]) if self._outlets else None
        if self._fed is not None:
            self.outputs[OUTPUT] = self._fed
        self._slow = SlowSensors(station.linux, sysfs, clock)
        self.temperatures: dict[str, TemperatureSensor] = {**self._slow.temperatures}
        self.tachometers: dict[str, Tachometer] = {**self._slow.tachometers}
        self._feed = FreshFeed()
        self._feed_level = False
        self.flushed_s = 0.0
        self._next_poll_s = float("-inf")
        linux = station.linux
        self._watchdog = Watchdog(linux.watchdog, linux.watchdog_s) if linux.watchdog is not None else None
        self._open_chips()

    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]:
        return {**self._connectors, **self._outlets}

    @property
    def feed(self) -> FreshFeed:
        return self._feed

    @property
    def trouble(self) -> str:
        return "; ".join([*self._of_hardware(), *(each.words for each in self._places.shared)])

    def trouble_of(self, connector: int) -> str:
        owner = f"connector {connector}"
        of_hardware = [*self._gpio.troubles_of(owner), *self._of_pilot(connector)]
        return "; ".join([*of_hardware, *self._places.troubles_of(owner)])

    def _of_hardware(self) -> list[str]:
        """Trouble that a reset may end; a wrong station file is none of it."""
        return [*self._gpio.troubles, *(text for number in self._connectors for text in self._of_pilot(number))]

    def report(self) -> tuple[tuple[str, str], ...]:
        return ()

    def _of_pilot(self, connector: int) -> list[str]:
        each = self._connectors.get(connector)
        texts = () if each is None else (each.pilot.output_trouble, each.pilot.input_trouble)
        return [f"pilot of connector {connector}: {text}" for text in texts if text]

    def fileno(self) -> int:
        return self._poll.fileno()

    def _sampled(self) -> None:
        """From a sampling thread: there is something to look at."""
        os.eventfd_write(self._wake, 1)

    def receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._open_chips()
        changed = [chip.receive() for chip in self._gpio.chips]
        now_s = self._clock()
        if any(changed) or now_s >= self._next_poll_s:
            self._next_poll_s = now_s + POLL_S
            for chip in self._gpio.chips:
                chip.poll()
        self._watch_chips()

    def _start(self) -> None:
        for each in self._connectors.values():
            each.sampler.start()
        self._slow.start()

    def _open_chips(self) -> None:
        for chip in self._gpio.chips:
            chip.open()
        openings = sum(chip.openings for chip in self._gpio.chips)
        if openings != self._openings:
            self._openings = openings
            self._next_poll_s = float("-inf")
            for each in self._connectors.values():
                each.contactor.coil.lost()
                each.pilot.forget()
            if self._fed is not None:
                self._fed.lost()

    def _watch_chips(self) -> None:
        for place, chip in enumerate(self._gpio.chips):
            # A closed descriptor has left the epoll by itself.
            if chip.fd >= 0 and self._registered.get(place) != chip.openings:
                self._registered[place] = chip.openings
                self._poll.register(chip.fd, select.EPOLLIN)

    def flush(self) -> None:
        """The feed first, so that a command of the same step finds the coil enabled; then lines, then the pilots.

        The first one sets up the pilots before their sampling begins.
        """
        wrote = False
        if self._feed.take(self._clock()):
            self._feed_level = not self._feed_level
            wrote = self._gpio.chip_of(FEED).write({FEED: self._feed_level})
        for chip in self._gpio.chips:
            wrote = chip.flush() or wrote
        for each in self._connectors.values():
            wrote = each.pilot.flush() or wrote
        if wrote:
            self.flushed_s = self._clock()
        self._start()
        self._watch_chips()
        if self._watchdog is not None and not self._of_hardware():
            self._watchdog.kick(self._clock())

    def close(self) -> None:
        """Lines fall back to what the kernel does with lines that nobody holds; the watchdog is disarmed."""
        for each in self._connectors.values():
            each.sampler.close()
        self._slow.close()
        for chip in self._gpio.chips:
            chip.close()
        if self._watchdog is not None:
            self._watchdog.close()
        self._poll.close()
        os.close(self._wake)
