"""The vehicle: reads the pilot, closes S2, draws current (IEC 61851-1 annex A; times of its table A.6)."""

from enum import Enum
from random import Random

from hardware.interfaces import PilotMode
from hardware.sim.site.battery import Battery
from hardware.sim.site.charger import LOWEST_A, Charger
from hardware.sim.site.ev import Ev
from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.grid import ZERO, Phases, power_factor
from hardware.sim.site.pilot import STATE_B_OHM, STATE_C_OHM, STATE_D_OHM, PilotOutput, offered_current_a

READS_DUTY_S = (0.5, 1.0)
NOTICES_STOP_S = (0.2, 0.6)
NOTICES_LOSS_S = (0.05, 0.10)
OPENS_S2_WITHIN_S = 2.9
DRAWS_AFTER_REQUEST_S = 1.0
WAKES_AFTER_S = 4.0
"""A pilot without level, or in state E or F, for this long wakes a sleeping vehicle (IEC 61851-1 A.5.3)."""
TOGGLES_EVERY_S = 3.0
SIMPLIFIED_LIMIT_A = 10.0
"""A vehicle without S2 control limits itself (IEC 61851-1 A.2.3)."""
NEVER = float("inf")

__all__ = ["Car", "Ev"]


class Signal(Enum):
    """What the vehicle sees on its pilot."""

    LOST = "lost"
    """Nothing, 0 V or -12 V."""
    STEADY = "steady"
    """+12 V without PWM, or a duty cycle that offers nothing."""
    OFFER = "offer"


class Car:
    def __init__(self, ev: Ev, faults: ActiveFaults, random: Random) -> None:
        self.ev = ev
        self.battery = Battery(ev.battery_wh, ev.soc_percent)
        self.charger = Charger()
        self.paused = False
        self.s2_closed = False
        self.s2_closed_s = self.s2_opened_s = 0.0
        self.charging_since_s: float | None = None
        """Since when it has drawn current during this plug-in, pauses included; None = not yet."""
        self._faults = faults
        self._random = random
        self._signal = Signal.STEADY
        self._offered_a = 0.0
        self._believed_a = 0.0
        self._stopping = False
        self._chatter_open = False
        self._voltage_since_s: float | None = None
        self._phases_live = 0
        self._lost_since_s: float | None = None
        self._asleep = ev.asleep
        self._toggle_closed = False
        self._toggle_at = NEVER
        self._close_s2_at = self._read_duty_at = self._stop_at = self._open_s2_at = self._chatter_at = NEVER

    @property
    def asks_for_power(self) -> bool:
        """The resistor of S2 is on the pilot."""
        return self.ev.simplified or self._toggle_closed or (self.s2_closed and not self._chatter_open)

    @property
    def asleep(self) -> bool:
        return self._asleep

    def wake(self) -> None:
        self._asleep = False

    @property
    def pilot_ohm(self) -> float:
        if not self.asks_for_power:
            return STATE_B_OHM
        needs_ventilation = self.ev.needs_ventilation or self._faults.active("ventilation")
        return STATE_D_OHM if needs_ventilation else STATE_C_OHM

    def currents_a(self, live: tuple[bool, bool, bool]) -> Phases:
        """Drawn from the phases that have voltage at the inlet."""
        current = self.charger.current_a
        if current <= 0.0:
            standby = self.ev.standby_a > 0.0 and live[0]
            return (self.ev.standby_a, 0.0, 0.0) if standby else ZERO
        first, second, third = (
            current if voltage and phase < self.ev.phases else 0.0 for phase, voltage in enumerate(live)
        )
        return (first, second, third) if first or second or third else ZERO

    @property
    def power_factor(self) -> float:
        return power_factor(self.charger.current_a or self.ev.standby_a)

    def see(self, driven: PilotOutput | None, now_s: float) -> None:
        """What arrives on the pilot wire; None = nothing."""
        if driven is None or driven.mode is PilotMode.F:
            signal, offered_a = Signal.LOST, 0.0
        else:
            offered_a = offered_current_a(driven.duty) if driven.mode is PilotMode.PWM else 0.0
            signal = Signal.OFFER if offered_a > 0.0 else Signal.STEADY
        if signal is not self._signal:
            self._signal, self._offered_a = signal, offered_a
            self._signal_changed(now_s)
        elif offered_a != self._offered_a:
            self._offered_a = offered_a
            if self._read_duty_at == NEVER:
                self._read_duty_at = now_s + self._random.uniform(*READS_DUTY_S)

    def _signal_changed(self, now_s: float) -> None:
        self._notice_loss(now_s)
        if self._signal is Signal.OFFER and self._asleep:
            return
        if self._signal is Signal.OFFER:
            self._stopping = False
            self._stop_at = self._open_s2_at = NEVER
            if self.s2_closed:
                self._read_duty_at = now_s + self._random.uniform(*READS_DUTY_S)
            else:
                self._close_s2_at = now_s + self.ev.ready_after_s
            return
        self._close_s2_at = self._read_duty_at = NEVER
        if self.ev.obeys_pwm and not self.ev.simplified:
            notices = NOTICES_STOP_S if self._signal is Signal.STEADY else NOTICES_LOSS_S
            self._stop_at = now_s + self._random.uniform(*notices)
            self._open_s2_at = now_s + (self.ev.opens_s2_after_s or OPENS_S2_WITHIN_S)

    def _notice_loss(self, now_s: float) -> None:
        lost_s = self._lost_since_s
        if lost_s is not None and now_s - lost_s >= WAKES_AFTER_S - 1e-6:
            self._asleep = False
        if self._signal is not Signal.LOST:
            self._lost_since_s = None
        elif lost_s is None:
            self._lost_since_s = now_s

    def supply(self, live: tuple[bool, bool, bool], now_s: float) -> None:
        """Which phases have voltage at the inlet; without L1 it cannot charge."""
        voltage = live[0]
        phases = sum(live[: self.ev.phases])
        if voltage and phases > self._phases_live and self._voltage_since_s is not None:
            # Another grid than before: it starts anew.
            self._voltage_since_s = now_s
            self.charger.cut()
        self._phases_live = phases
        if voltage and self._voltage_since_s is None:
            self._voltage_since_s = now_s
        elif not voltage and self._voltage_since_s is not None:
            self._voltage_since_s = None
            self.charger.cut()

    def pause(self, now_s: float) -> None:
        self.paused = True
        self._close_s2_at = NEVER
        self._open_s2(now_s)

    def resume(self, now_s: float) -> None:
        """S2 closes at once if there is an offer, else with the next one."""
        self.paused = False
        if self._signal is Signal.OFFER and not self.s2_closed:
            self._close_s2_at = now_s

    def _open_s2(self, now_s: float) -> None:
        self.charger.cut()
        self._stopping = False
        self._stop_at = self._open_s2_at = self._read_duty_at = NEVER
        if self.s2_closed:
            self.s2_closed = False
            self.s2_opened_s = now_s

    def _close_s2(self, now_s: float) -> None:
        self._close_s2_at = NEVER
        if self.paused or self.battery.full:
            return
        self._believed_a = self._offered_a
        self.s2_closed = True
        self.s2_closed_s = now_s

    def _draws_from_s(self) -> float:
        """When the charger may start; inf = it may not."""
        if self._voltage_since_s is None or self.paused or self.battery.full or not self.asks_for_power:
            return NEVER
        asked_s = self._voltage_since_s if self.ev.simplified else self.s2_closed_s
        return max(self._voltage_since_s + self.ev.draws_after_s, asked_s + DRAWS_AFTER_REQUEST_S)

    def _allowed_a(self) -> float:
        if self._stopping:
            return 0.0
        largest = max(LOWEST_A, self.ev.max_current_a * self.battery.accepted_share())
        if self.ev.simplified:
            return min(largest, SIMPLIFIED_LIMIT_A)
        overdraw = 1.0 + (self._faults.value("overdraw") or 0.0) / 100.0
        return min(largest, self._believed_a) * overdraw if self.ev.obeys_pwm else largest

    def next_event_s(self, now_s: float, power_w: float) -> float:
        """`power_w`: what it draws now, for the battery's next step."""
        starts = self._draws_from_s()
        return min(
            self._close_s2_at, self._read_duty_at, self._stop_at, self._open_s2_at, self._chatter_at, self._toggle_at,
            self.charger.next_event_s(),
            starts if starts > now_s else NEVER,
            now_s + self.battery.seconds_to_next_step(power_w),
        )  # fmt: skip

    def happen(self, now_s: float) -> None:
        self._chatter(now_s)
        self._toggle(now_s)
        if now_s >= self._close_s2_at:
            self._close_s2(now_s)
        if now_s >= self._read_duty_at:
            self._read_duty_at = NEVER
            self._believed_a = self._offered_a
        if now_s >= self._stop_at:
            self._stop_at = NEVER
            self._stopping = True
            if self._signal is Signal.LOST:
                self._open_s2(now_s)
        self.charger.happen(now_s)
        self.battery.settle()
        stopped = self._stopping and self.charger.current_a <= 0.0 and not self.ev.opens_s2_after_s
        if now_s >= self._open_s2_at or stopped or self._finished():
            self._open_s2(now_s)
        self._draw(now_s)

    def _finished(self) -> bool:
        return self.battery.full and (self.s2_closed or self.charger.current_a > 0.0)

    def _draw(self, now_s: float) -> None:
        if now_s >= self._draws_from_s():
            self.charger.aim(self._allowed_a(), now_s)
        elif self.charger.target_a > 0.0:
            self.charger.cut()
        if self.charger.current_a > 0.0 and self.charging_since_s is None:
            self.charging_since_s = now_s

    def _chatter(self, now_s: float) -> None:
        hertz = self._faults.value("s2_chatter")
        if hertz is None or not self.s2_closed:
            self._chatter_open, self._chatter_at = False, NEVER
        elif self._chatter_at == NEVER:
            self._chatter_at = now_s + 0.5 / hertz
        elif now_s >= self._chatter_at:
            self._chatter_open = not self._chatter_open
            self._chatter_at = now_s + 0.5 / hertz
            if self._chatter_open:
                self.s2_opened_s = now_s
            else:
                self.s2_closed_s = now_s

    def _toggle(self, now_s: float) -> None:
        """B-C-B: a vehicle that waits asks for attention."""
        closed_ms = self._faults.value("bcb_toggle")
        if closed_ms is None or self.s2_closed:
            self._toggle_closed, self._toggle_at = False, NEVER
        elif self._toggle_at == NEVER:
            self._toggle_at = now_s + TOGGLES_EVERY_S
        elif now_s >= self._toggle_at:
            self._toggle_closed = not self._toggle_closed
            self._toggle_at = now_s + (closed_ms / 1000.0 if self._toggle_closed else TOGGLES_EVERY_S)
