"""What the board reads and drives beside the connectors, as it is told."""

import math
from collections.abc import Mapping

from hardware.interfaces import SafetyBoard
from schemas.safety import SafetyStation
from services.safety.state import Driven


def station_message(board: SafetyBoard, wired: Mapping[str, str], driven: Mapping[str, Driven]) -> SafetyStation:
    """`wired`: how each contact is wired ("normally open" or "normally closed"); `driven`: outputs by name."""
    inputs: dict[str, bool | None] = {}
    for name, source in board.inputs.items():
        if name in wired:
            read = source.state()
            inputs[name] = None if read is None else read.closed is not (wired[name] == "normally closed")
    temperatures: dict[str, float | None] = {}
    for name, sensor in board.temperatures.items():
        shown = sensor.read()
        temperatures[name] = round(shown.celsius, 1) if shown is not None and _is_shown(shown.celsius) else None
    fan = board.tachometers.get("fan")
    speed = fan.read() if fan is not None else None
    return SafetyStation(
        temperatures_c=temperatures,
        inputs=inputs,
        outputs={name: name in driven and driven[name].on for name in board.outputs},
        fan_rpm=speed.rpm if speed is not None and 0.0 <= speed.rpm <= 1e6 else None,
        trouble=board.trouble[:500],
    )


def _is_shown(celsius: float) -> bool:
    return math.isfinite(celsius) and -273.15 <= celsius <= 1000.0
