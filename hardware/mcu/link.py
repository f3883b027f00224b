"""Order, loss and time of one end of the link. Pure: times are boot-clock seconds that come in."""

from hardware.mcu.frame import VERSION, Frame, encode

RESYNC_S = 0.25
"""After so long without a frame that counted, the other end's numbers may begin anywhere."""
CLOCK_DRIFT = 0.01
"""The microcontroller's clock is right within 1 %."""
OLDEST_S = 60.0
AHEAD_S = 1.0
"""A counter that wraps makes a very old stamp look like one from the future."""
TIMED_S = 0.5
"""So long after a STATUS stamps can be read."""
US_PER_S = 1_000_000
_WRAP = 1 << 32


class Outgoing:
    """Numbers the frames of one end."""

    def __init__(self) -> None:
        self.sequence = 0
        """Of the last frame."""

    def frame(self, kind: int, payload: bytes) -> bytes:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return encode(Frame(VERSION, kind, self.sequence, payload))


class Incoming:
    """Which frames count: each once, none older than one that counted. Counting is no sign of life: being taken is."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._counted_s = 0.0
        self.taken_s: float | None = None
        """Of the last frame whose message was understood."""
        self.lost = 0
        self.repeated = 0

    def counts(self, sequence: int, now_s: float) -> bool:
        if self._last is not None and now_s - self._counted_s <= RESYNC_S:
            step = (sequence - self._last) & 0xFFFF
            if step == 0 or step >= 0x8000:
                self.repeated += 1
                return False
            self.lost += step - 1
        self._last, self._counted_s = sequence, now_s
        return True

    def restart(self) -> None:
        """The other end has begun anew: any number is its first."""
        self._last = None


def microseconds(seconds: float) -> int:
    """As a counter of 32 bits that wraps."""
    return int(seconds * US_PER_S) % _WRAP


def ago_s(counter_us: int, now_us: int) -> float:
    """How long before `now_us` a wrapping counter showed `counter_us`; negative = after it. Within 35 minutes."""
    difference = (now_us - counter_us) % _WRAP
    return (difference - _WRAP if difference >= _WRAP // 2 else difference) / US_PER_S


class ClockMap:
    """The microcontroller's clock in boot time, as a lower bound: a mapped stamp is never younger than the truth.

    The microcontroller echoes the host's stamp of the last frame that it took, and how long ago that was. It cannot
    have taken it before it was sent; so when it speaks, at least sending time + that age has come.
    """

    def __init__(self) -> None:
        self._at_us: int | None = None
        self._at_s = 0.0
        self.heard_s: float | None = None

    def knows(self, now_s: float) -> bool:
        """It was heard lately enough to map a stamp."""
        return self.heard_s is not None and now_s - self.heard_s <= TIMED_S

    def forget(self) -> None:
        self._at_us = self.heard_s = None

    def hear(self, mcu_us: int, echoed_sent_s: float, age_s: float, arrived_s: float) -> None:
        """`echoed_sent_s`: boot time at which the echoed frame was sent; `age_s`: since it arrived there."""
        bound_s = echoed_sent_s + age_s * (1.0 - CLOCK_DRIFT)
        if self._at_us is not None:
            passed_s = ago_s(self._at_us, mcu_us)
            if passed_s >= 0.0:
                bound_s = max(bound_s, self._at_s + passed_s * (1.0 - CLOCK_DRIFT))
        self._at_us, self._at_s, self.heard_s = mcu_us, min(bound_s, arrived_s), arrived_s

    def boot_s(self, mcu_us: int, arrived_s: float) -> float:
        """Of a stamp in a frame that arrived at `arrived_s`; 0 = far away, and so of no use."""
        if self._at_us is None:
            raise ValueError("nothing was heard yet")
        since_s = -ago_s(mcu_us, self._at_us)
        if not -OLDEST_S <= since_s <= AHEAD_S:
            return 0.0
        drift = (1.0 - CLOCK_DRIFT) if since_s >= 0.0 else (1.0 + CLOCK_DRIFT)
        return min(self._at_s + since_s * drift, arrived_s)
