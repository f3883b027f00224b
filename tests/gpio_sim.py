"""Runs the drivers of `hardware/linux` on a real kernel with simulated chips: no root, no hardware.

    tests/kernels/build uml                once, some minutes
    python -m tests.gpio_sim               in User-Mode Linux: seconds
    python -m tests.gpio_sim --qemu        on the PC of QEMU, without its help of the processor: minutes
    python -m tests.gpio_sim --parts pwm edges

The kernel is `--kernel FILE`, $CHARGE_UML or $CHARGE_BZIMAGE, that of the cache, or `linux.uml` of the PATH; its
options stand in `tests/kernels/options*`. One line is printed per part; what a part could not try, it says. Exit status
2 = it cannot be tried on this machine, 1 = something is wrong.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.kernels.machine import NotHere, boot, kernel

DONE = "gpio-sim: done"
ALIVE = "gpio-sim: the watchdog did not bite"
NO_GPIO_SIM = "this kernel has no gpio-sim"
BITE_S = 2
BOARDS = "tests/kernels/boards_here.py"
ON_PINS = ("levels", "killed", "names", "taken_away", "edges", "bursts", "glitches")
ON_CHIPS = ("pwm", "adc", "dummy_adc", "temperature_and_fan", "led", "watchdog")
PARTS = (*ON_PINS, *ON_CHIPS, "boards", "bite")
SCRATCH = "/dev/scratch"


def run(kind: str, file: Path, parts: list[str] | None = None) -> str:
    """Boots, tries everything, ends; returns what was printed. Raises NotHere and AssertionError."""
    command = [sys.executable, "-B", "-m", "tests.gpio_sim", "--inside", *(["--parts", *parts] if parts else [])]
    begun = time.monotonic()
    said = boot(kind, file, command)
    if NO_GPIO_SIM in said:
        raise NotHere(f"{file}: {NO_GPIO_SIM}; build one that has it: tests/kernels/build {kind}")
    assert DONE in said, f"{kind} {file} ended before all was done:\n{said}"
    assert ALIVE not in said, said
    return f"{said}{kind} {file}: {time.monotonic() - begun:.0f} s\n"


# -- inside ------------------------------------------------------------------------------


def inside(wanted: list[str]) -> int:
    """As the only work of the simulated machine."""
    from tests.kernels.chip import GPIO_SIM

    if not GPIO_SIM.is_dir():
        print(NO_GPIO_SIM, flush=True)
        return 1
    for name, part in _parts().items():
        if not wanted or name in wanted:
            begun = time.monotonic()
            print(f"{name}: {part()} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(DONE, flush=True)
    if not wanted or "bite" in wanted:
        bite()
    return 0


def _parts() -> dict[str, Callable[[], str]]:
    from tests.kernels import device_parts, gpio_parts
    from tests.kernels.board_rig import Chips
    from tests.kernels.chip import SimulatedChip

    pins = SimulatedChip("evse", gpio_parts.LINES)
    chips = Chips()

    def boards() -> str:
        pins.vanish()
        chips.vanish()
        return _boards()

    parts = {name: partial(getattr(gpio_parts, name), pins) for name in ON_PINS}
    return {**parts, **{name: partial(getattr(device_parts, name), chips) for name in ON_CHIPS}, "boards": boards}


def _boards() -> str:
    """The contract of all boards (tests/contract/test_boards.py) on this kernel's chips."""
    import pytest

    words = ["-q", "--color=no", "-p", "no:cacheprovider", "-k", "not mcu", f"--basetemp={SCRATCH}/boards", BOARDS]
    status = pytest.main(words)
    assert status == 0, f"pytest ended with {status}"
    return "ok"


def bite() -> None:
    """Nobody writes to the watchdog any more: the machine must end without our help."""
    from hardware.linux.watchdog import Watchdog

    Watchdog("/dev/watchdog", BITE_S).kick(1.0)
    print("watchdog armed and left alone", flush=True)
    # the deadline: what is awaited is the end of this machine
    time.sleep(5 * BITE_S)
    print(ALIVE, flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpio_sim")
    parser.add_argument("--kernel", type=Path)
    parser.add_argument("--qemu", action="store_true", help="on the PC of QEMU instead of User-Mode Linux")
    parser.add_argument("--parts", nargs="+", default=[], choices=PARTS, metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.inside:
        return inside(chosen.parts)
    kind = "qemu" if chosen.qemu else "uml"
    try:
        print(run(kind, kernel(kind, chosen.kernel), chosen.parts))
    except NotHere as missing:
        print(missing, file=sys.stderr)
        return 2
    except AssertionError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
