"""Every colour of every light, one after the other: for people who commission a station. Pure."""

from hardware.interfaces import Light

COLOURS = (Light(1.0, 0.0, 0.0), Light(0.0, 1.0, 0.0), Light(0.0, 0.0, 1.0))
EACH_S = 1.0


class LightTest:
    def __init__(self, begun_s: float) -> None:
        self._begun_s = begun_s

    def light(self, now_s: float) -> Light | None:
        """None = it is over."""
        place = int((now_s - self._begun_s) / EACH_S + 1e-6)
        return COLOURS[place] if 0 <= place < len(COLOURS) else None

    def next_s(self, now_s: float) -> float:
        """When the next colour is due, boot clock."""
        return self._begun_s + (int((now_s - self._begun_s) / EACH_S + 1e-6) + 1) * EACH_S
