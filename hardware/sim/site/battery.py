"""The vehicle's battery: state of charge, and what it still accepts."""

import math

EFFICIENCY = 0.92
TAPER_FROM_PERCENT = 80.0
TAPER_STEP_PERCENT = 0.5
TAPER_SCALE_PERCENT = 12.0
FULL_PERCENT = 100.0


class Battery:
    def __init__(self, capacity_wh: float, soc_percent: float) -> None:
        self.capacity_wh = capacity_wh
        self.soc_percent = soc_percent

    @property
    def full(self) -> bool:
        return self.soc_percent >= FULL_PERCENT

    def accepted_share(self) -> float:
        """Share of the charger's largest current: 1 up to 80 %, then an exponential taper in steps."""
        if self.soc_percent < TAPER_FROM_PERCENT:
            return 1.0
        steps = math.floor((self.soc_percent - TAPER_FROM_PERCENT) / TAPER_STEP_PERCENT + 1e-9)
        return math.exp(-steps * TAPER_STEP_PERCENT / TAPER_SCALE_PERCENT)

    def absorb(self, drawn_wh: float) -> None:
        self.soc_percent = min(FULL_PERCENT, self.soc_percent + drawn_wh * EFFICIENCY / self.capacity_wh * 100.0)

    def _next_step_percent(self) -> float:
        if self.soc_percent < TAPER_FROM_PERCENT - 1e-9:
            return TAPER_FROM_PERCENT
        steps = math.floor((self.soc_percent - TAPER_FROM_PERCENT) / TAPER_STEP_PERCENT + 1e-6) + 1
        return min(FULL_PERCENT, TAPER_FROM_PERCENT + steps * TAPER_STEP_PERCENT)

    def seconds_to_next_step(self, power_w: float) -> float:
        """Until the accepted share changes or the battery is full; inf without power."""
        if power_w <= 0.0 or self.full:
            return math.inf
        missing_wh = (self._next_step_percent() - self.soc_percent) / 100.0 * self.capacity_wh / EFFICIENCY
        return missing_wh * 3600.0 / power_w

    def settle(self) -> None:
        """Land exactly on a step that has been reached but for rounding."""
        step = self._next_step_percent()
        if step - self.soc_percent < 1e-6:
            self.soc_percent = step
