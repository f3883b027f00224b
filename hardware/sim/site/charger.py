"""The on-board charger: a soft ramp in steps of 1 A, up slowly and down quickly."""

UP_EVERY_S = 0.25
DOWN_EVERY_S = 0.05
STEP_A = 1.0
LOWEST_A = 6.0


class Charger:
    def __init__(self) -> None:
        self.current_a = 0.0
        self.target_a = 0.0
        self._step_s = float("inf")

    def aim(self, target_a: float, now_s: float) -> None:
        """Go for another current; below the lowest one it stops."""
        target_a = target_a if target_a >= LOWEST_A - 1e-9 else 0.0
        if target_a == self.target_a:
            return
        self.target_a = target_a
        self._plan(now_s)

    def _plan(self, now_s: float) -> None:
        if self.current_a == self.target_a:
            self._step_s = float("inf")
        else:
            self._step_s = now_s + (UP_EVERY_S if self.target_a > self.current_a else DOWN_EVERY_S)

    def cut(self) -> None:
        """No voltage, or S2 open: nothing flows any more."""
        self.current_a = self.target_a = 0.0
        self._step_s = float("inf")

    def next_event_s(self) -> float:
        return self._step_s

    def happen(self, now_s: float) -> None:
        if now_s < self._step_s:
            return
        if self.target_a > self.current_a:
            self.current_a = min(self.target_a, self.current_a + STEP_A)
        else:
            self.current_a = max(self.target_a, self.current_a - STEP_A)
        self._plan(now_s)
