"""What the GPIO drivers promise, tried on a chip of gpio-sim. Each part is a function that returns what it measured."""

import os
import select
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from hardware.linux.clock import boot_s
from hardware.linux.gpio import Gpio, LineUse
from hardware.linux.gpio_chip import CONSUMER, MOST_EVENTS, RETRY_S, ChipLines
from hardware.linux.gpio_library import real_chip
from tests.kernels.chip import SimulatedChip

LINES = ("FEED", "COIL", "MIRROR", "ESTOP")
FEED, COIL, MIRROR, ESTOP = range(4)
USES = {
    "feed": LineUse("FEED", True),
    "coil": LineUse("!COIL", True),
    "mirror": LineUse("MIRROR", False),
    "stop": LineUse("3", False),
}
PATIENCE_S = 10.0
DEBOUNCE_S = 0.002
EDGES = 200
UNREAD = 3 * MOST_EVENTS + 1
"""More than the kernel keeps for us."""
NO_EDGES = "no interrupts for simulated chips"


def _until(condition: Callable[[], bool], words: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, words()


def _open(path: str, debounce_s: float = DEBOUNCE_S, clock: Callable[[], float] = boot_s) -> tuple[Gpio, ChipLines]:
    gpio = Gpio(USES, path, debounce_s, clock, real_chip)
    chip = gpio.chips[0]
    assert chip.open(), chip.trouble
    return gpio, chip


def _read(gpio: Gpio, purpose: str) -> bool:
    read = gpio.read(purpose)
    assert read is not None
    return read.closed


def _toggle(pins: SimulatedChip, up: bool) -> None:
    """And waits until the kernel has taken the interrupt: an edge before that would be one with it."""
    before = _interrupts()
    pins.pull(MIRROR, up)
    _until(lambda: _interrupts() > before, lambda: "the kernel took no interrupt")


def _interrupts() -> int:
    """So many interrupts of lines that we hold."""
    lines = Path("/proc/interrupts").read_text(encoding="ascii").splitlines()
    return sum(int(word) for line in lines if CONSUMER in line for word in line.split()[1:] if word.isdigit())


def levels(pins: SimulatedChip) -> str:
    """Outputs begin inactive, follow, and are read back; inputs follow; a second user is refused by name."""
    gpio, chip = _open(pins.path)
    assert (pins.high(FEED), pins.high(COIL)) == (False, True), "inactive; the coil's line is active when low"
    gpio.drive("coil", True)
    assert chip.flush()
    assert not pins.high(COIL)
    assert chip.write({"feed": True})
    assert pins.high(FEED)
    chip.poll()
    assert _read(gpio, "coil")
    assert _read(gpio, "feed")
    assert chip.trouble == ""
    for line, purpose in ((MIRROR, "mirror"), (ESTOP, "stop")):
        for up in (True, False, True):
            pins.pull(line, up)
            _until(lambda: (chip.receive(), chip.poll(), _read(gpio, purpose))[-1] is up, lambda: (purpose, up))  # noqa: B023
    second = Gpio({"coil": LineUse("COIL", True)}, pins.path, 0.0, boot_s, real_chip)
    assert not second.chips[0].open()
    assert "line 1 (coil) is in use by 'charge-controller'" in second.chips[0].trouble, second.chips[0].trouble
    begun = time.perf_counter()
    for _ in range(200):
        chip.poll()
    poll_us = (time.perf_counter() - begun) / 200 * 1e6
    chip.close()
    chip.close()
    released = (pins.high(FEED), pins.high(COIL))
    assert released == (False, False), "gpio-sim: a line that nobody holds falls to its pull"
    return f"ok; reading {len(LINES)} lines takes {poll_us:.0f} us; after release both outputs are low"


def killed(pins: SimulatedChip) -> str:
    """A process that is killed while its outputs are active: each falls to its resistor."""
    pins.pull(COIL, True)
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _, chip = _open(pins.path)
            chip.write({"feed": True, "coil": True})
            os.write(tell, b"1")
            signal.pause()
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"1"
    assert (pins.high(FEED), pins.high(COIL)) == (True, False), "both active"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begun_s = boot_s()
    _until(lambda: (pins.high(FEED), pins.high(COIL)) == (False, True), lambda: "a line stayed as it was driven")
    fallen_ms = (boot_s() - begun_s) * 1000.0
    pins.pull(COIL, False)
    os.close(ready)
    os.close(tell)
    return f"ok; the outputs had fallen {fallen_ms:.1f} ms after the process was gone"


def names(pins: SimulatedChip) -> str:
    """A line, or a chip, that is not there; the same line by number and by name."""
    for uses, words in (
        ({"coil": LineUse("KOIL", True)}, "has no line 'KOIL' (coil)"),
        ({"coil": LineUse("77", True)}, "has no line '77' (coil)"),
        ({"coil": LineUse("COIL", True), "stop": LineUse("1", False)}, "are the same line"),
        ({"coil": LineUse("/dev/gpiochip99:COIL", True)}, "there is no such chip"),
    ):
        chip = Gpio(uses, pins.path, 0.0, boot_s, real_chip).chips[0]
        assert not chip.open()
        assert words in chip.trouble, chip.trouble
    return "ok"


def taken_away(pins: SimulatedChip) -> str:
    """F78: noticed by whichever call comes first; tried again after a second; then nothing is driven by itself."""
    ahead_s, moved = [0.0], 0
    impostor = SimulatedChip("impostor", LINES)
    impostor.vanish()
    ways: dict[str, Callable[[ChipLines], object]] = {
        "write": lambda chip: chip.write({"feed": True}),
        "poll": lambda chip: chip.poll(),
        "receive": lambda chip: chip.receive(),
    }
    for name, act in ways.items():
        gpio, chip = _open(pins.path, clock=lambda: boot_s() + ahead_s[0])
        gpio.drive("coil", True)
        chip.flush()
        before, first = chip.openings, pins.path
        pins.vanish()
        act(chip)
        assert "the chip is gone" in chip.trouble, (name, chip.trouble)
        assert chip.fd == -1
        assert not chip.open(), "not before a second has passed"
        ahead_s[0] += RETRY_S
        assert not chip.open()
        assert "the chip is gone" in chip.trouble, "the first reason stays"
        impostor.appear()
        pins.appear()
        ahead_s[0] += RETRY_S
        assert chip.open(), chip.trouble
        assert chip.path == pins.path
        assert (chip.openings, chip.trouble) == (before + 1, "")
        assert not chip.flush()
        assert pins.high(COIL), "inactive again, until it is driven anew"
        moved += first != pins.path
        chip.close()
        impostor.vanish()
    return f"ok, noticed by {', '.join(ways)}; came back under another number {moved} of {len(ways)} times"


def edges(pins: SimulatedChip) -> str:
    """Every edge once, in order, with the kernel's time: without debouncing, and with it."""
    return "; ".join(_edges(pins, debounce_s, count) for debounce_s, count in ((0.0, EDGES), (DEBOUNCE_S, EDGES // 4)))


def _edges(pins: SimulatedChip, debounce_s: float, count: int) -> str:
    pins.pull(MIRROR, False)
    gpio, chip = _open(pins.path, debounce_s)
    if not chip.has_edges:
        chip.close()
        return NO_EDGES
    chip.poll()
    taken, stamped = [], []
    for number in range(count):
        up = number % 2 == 0
        begun_s = boot_s()
        pins.pull(MIRROR, up)
        _until(lambda: (chip.receive(), _read(gpio, "mirror"))[-1] is up, lambda: f"edge {number} was lost")  # noqa: B023
        read = gpio.read("mirror")
        now_s = boot_s()
        assert read is not None
        assert begun_s <= read.sampled_s <= now_s, (begun_s, read.sampled_s, now_s)
        taken.append((now_s - begun_s) * 1000.0)
        stamped.append((read.sampled_s - begun_s) * 1000.0)
    assert not chip.receive(), "no edge is told twice"
    chip.close()
    assert min(stamped) >= debounce_s * 1000.0 * 0.9, "the kernel's stamp is that of the settled level"
    late = sorted(taken)[count * 99 // 100]
    return (
        f"{count} of {count} with debounce {debounce_s * 1000.0:.0f} ms: stamp after {statistics.median(stamped):.2f} "
        f"ms (median), taken in after {statistics.median(taken):.2f}, 99 % {late:.2f}, longest {max(taken):.2f} ms"
    )


def bursts(pins: SimulatedChip) -> str:
    """Nobody reads for a while: what fits waits in order; what does not, is put right by the next poll."""
    pins.pull(MIRROR, False)
    gpio, chip = _open(pins.path, debounce_s=0.0)
    if not chip.has_edges:
        chip.close()
        return NO_EDGES
    chip.poll()
    request = chip._request
    assert request is not None
    for number in range(MOST_EVENTS):
        _toggle(pins, number % 2 == 0)
    assert request.wait_edge_events(1.0)
    events = request.read_edge_events(2 * MOST_EVENTS)
    assert [each.line_seqno for each in events] == list(range(1, MOST_EVENTS + 1)), [each.line_seqno for each in events]
    stamps = [each.timestamp_ns for each in events]
    assert stamps == sorted(stamps)
    for number in range(UNREAD):
        _toggle(pins, number % 2 == 0)
    chip.receive()
    chip.poll()
    assert _read(gpio, "mirror")
    chip.close()
    return f"{MOST_EVENTS} waiting edges in order; after {UNREAD} unread ones the level is right"


def glitches(pins: SimulatedChip) -> str:
    """A pulse shorter than the debounce time is no edge."""
    pins.pull(MIRROR, False)
    gpio, chip = _open(pins.path, debounce_s=0.020)
    if not chip.has_edges:
        chip.close()
        return NO_EDGES
    chip.poll()
    short = 0
    for _ in range(20):
        begun_s = boot_s()
        pins.pull(MIRROR, True)
        pins.pull(MIRROR, False)
        if boot_s() - begun_s > 0.015:
            continue
        short += 1
        told, _, _ = select.select([chip.fd], [], [], 0.030)
        assert not told, "a glitch was told"
        assert not chip.receive(), "a glitch was kept"
        chip.poll()
        assert not _read(gpio, "mirror")
    assert short >= 5, "this machine is too slow to make a glitch"
    pins.pull(MIRROR, True)
    _until(lambda: (chip.receive(), _read(gpio, "mirror"))[-1], lambda: "a level that stays was not told")
    chip.close()
    return f"{short} pulses swallowed"
