"""GPIO lines by libgpiod v2: one request per chip for all its lines, edges with the kernel's time stamps.

Lines are read and written by the safety loop itself, so they must belong to controllers that answer at once (of the
processor, not behind I2C or SPI). Imported only when a board with GPIO lines is opened.
"""

import errno
from collections.abc import Callable, Mapping
from datetime import timedelta

import gpiod
from gpiod.line import Bias, Direction, Edge, Value

from hardware.interfaces import Feedback
from hardware.linux.clock import KernelTime
from hardware.linux.gpio_library import Chip, ChipPlace, OpenChip, Request

RETRY_S = 1.0
MISMATCH_S = 0.050
"""An output line that reads back wrong this long is not ours any more."""
MOST_EVENTS = 64
"""At one turn; a line that flickers faster is still polled."""
CONSUMER = "charge-controller"
NO_INTERRUPTS = (errno.ENXIO, errno.EOPNOTSUPP, 524)
"""Of a request with edges; 524 is the kernel's own ENOTSUPP."""
RISING = gpiod.EdgeEvent.Type.RISING_EDGE
"""From inactive to active, whatever level that is."""


class ChipLines:
    """The lines of one chip. `trouble` says in words why they cannot be used; it is tried again every second."""

    def __init__(
        self,
        path: str,
        uses: Mapping[str, tuple[str, bool, bool]],
        debounce_s: float,
        open_chip: OpenChip,
        clock: Callable[[], float],
    ) -> None:
        """`uses`: by purpose: name or number, active low, output."""
        self._place = ChipPlace(path, open_chip)
        self._uses = uses
        self._debounce = timedelta(seconds=debounce_s)
        self._clock = clock
        self._kernel = KernelTime()
        self._request: Request | None = None
        self._order: list[str] = []
        self._purposes: dict[int, str] = {}
        self._offsets: dict[str, int] = {}
        self._next_try_s = float("-inf")
        self.wanted: dict[str, bool] = {}
        """What is driven, by purpose."""
        self._told: dict[str, bool] = {}
        self._wrong_s: float | None = None
        self.values: dict[str, Feedback] = {}
        """What every line did last, inputs and outputs."""
        self.has_edges = True
        self.trouble = ""
        self.openings = 0
        """A change means: all outputs of this chip were inactive, and nothing is driven again by itself."""

    @property
    def path(self) -> str:
        """Where the chip was last."""
        return self._place.path

    @property
    def fd(self) -> int:
        return -1 if self._request is None else self._request.fd

    def open(self) -> bool:
        """Try again if it is time to. True = open."""
        if self._request is not None:
            return True
        now_s = self._clock()
        if now_s < self._next_try_s:
            return False
        self._next_try_s = now_s + RETRY_S
        try:
            with self._place.open() as chip:
                self._request_lines(chip)
                self._place.remember()
        except (OSError, ValueError) as error:
            self.trouble = self.trouble or f"{self.path}: {_words(error)}"
            return False
        self.wanted = {}
        self._told = {name: False for name, (_, _, output) in self._uses.items() if output}
        self._wrong_s = None
        self.trouble = ""
        self.openings += 1
        return True

    def _request_lines(self, chip: Chip) -> None:
        """Raises OSError and ValueError, and leaves a better text in `trouble` where it can."""
        self._offsets, self._purposes = {}, {}
        config: dict[int, gpiod.LineSettings] = {}
        self.trouble = ""
        for purpose, (name, active_low, output) in self._uses.items():
            try:
                offset = chip.line_offset_from_id(name)
            except (OSError, ValueError):
                self.trouble = f"{self.path} has no line {name!r} ({purpose}); see: gpioinfo"
                raise
            if offset in self._purposes:
                self.trouble = f"{self.path}: {purpose} and {self._purposes[offset]} are the same line {name!r}"
                raise ValueError(self.trouble)
            self._offsets[purpose], self._purposes[offset] = offset, purpose
            config[offset] = self._settings(active_low, output, edges=True)
        try:
            self._request = self._granted(chip, config)
        except OSError as error:
            if error.errno == errno.EBUSY:
                self.trouble = f"{self.path}: {self._users(chip)}"
            raise
        self._order = [self._purposes[offset] for offset in config]

    def _granted(self, chip: Chip, config: dict[int, gpiod.LineSettings]) -> Request:
        """With edges; without them where the chip has no interrupts: its lines are polled in any case."""
        self.has_edges = True
        try:
            return chip.request_lines(config, CONSUMER, MOST_EVENTS)
        except OSError as error:
            if error.errno not in NO_INTERRUPTS:
                raise
        self.has_edges = False
        uses = [self._uses[self._purposes[offset]] for offset in config]
        polled = {
            offset: self._settings(active_low, output, edges=False)
            for offset, (_, active_low, output) in zip(config, uses, strict=True)
        }
        return chip.request_lines(polled, CONSUMER, MOST_EVENTS)

    def _settings(self, active_low: bool, output: bool, *, edges: bool) -> gpiod.LineSettings:
        if output:
            return gpiod.LineSettings(direction=Direction.OUTPUT, active_low=active_low, output_value=Value.INACTIVE)
        return gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH if edges else Edge.NONE,
            bias=Bias.AS_IS,
            active_low=active_low,
            debounce_period=self._debounce if edges else timedelta(),
        )

    def _users(self, chip: Chip) -> str:
        """Who holds the lines that we want."""
        for offset, purpose in self._purposes.items():
            try:
                info = chip.get_line_info(offset)
            except OSError:
                continue
            if info.used:
                return f"line {offset} ({purpose}) is in use by {info.consumer or 'the kernel'!r}; end that first"
        return "a line is in use by another program"

    def poll(self) -> None:
        """Every line as it is now."""
        if self._request is None:
            return
        begun_s = self._clock()
        try:
            values = self._request.get_values()
        except OSError as error:
            self._lose(error)
            return
        for purpose, value in zip(self._order, values, strict=True):
            self.values[purpose] = Feedback(value is Value.ACTIVE, begun_s)
        self._compare(begun_s)

    def _compare(self, now_s: float) -> None:
        """What is driven against what the lines do (invariant 39)."""
        wrong = [name for name, on in self._told.items() if self.values[name].closed is not on]
        if not wrong:
            self._wrong_s, self.trouble = None, ""
        elif self._wrong_s is None:
            self._wrong_s = now_s
        elif now_s - self._wrong_s >= MISMATCH_S:
            state = "on" if self.values[wrong[0]].closed else "off"
            self.trouble = f"{self.path}: {wrong[0]} reads back {state} although the opposite is driven"

    def edges(self) -> bool:
        """Take in what the kernel has noticed. True = something has changed."""
        changed = False
        while self._request is not None and self._request.wait_edge_events(0):
            for event in self._request.read_edge_events(MOST_EVENTS):
                purpose = self._purposes.get(event.line_offset)
                if purpose is None:
                    continue
                stamp_s = self._kernel.boot_s(event.timestamp_ns / 1e9)
                known = self.values.get(purpose)
                if known is None or known.sampled_s <= stamp_s:
                    self.values[purpose] = Feedback(event.event_type is RISING, stamp_s)
                    changed = True
        return changed

    def receive(self) -> bool:
        try:
            return self.edges()
        except OSError as error:
            self._lose(error)
            return True

    def flush(self) -> bool:
        """Write what has changed since the last flush. True = something was written."""
        return self.write({name: on for name, on in self.wanted.items() if self._told.get(name) is not on})

    def write(self, changed: Mapping[str, bool]) -> bool:
        """At once. True = written; False = nothing to write, or the chip is away."""
        if self._request is None or not changed:
            return False
        values: dict[int | str, Value] = {
            self._offsets[name]: Value.ACTIVE if on else Value.INACTIVE for name, on in changed.items()
        }
        try:
            self._request.set_values(values)
        except OSError as error:
            self._lose(error)
            return False
        self._told.update(changed)
        return True

    def _lose(self, error: OSError) -> None:
        self.trouble = f"{self.path}: {_words(error)}"
        self._next_try_s = self._clock() + RETRY_S
        self.close()

    def close(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            try:
                request.release()
            except OSError:
                return


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        known = {
            errno.ENODEV: "the chip is gone",
            errno.ENOENT: "there is no such chip; see: gpiodetect",
            errno.EACCES: "no permission; let the user of this service use it",
            errno.EBUSY: "in use by another program",
        }
        return known.get(error.errno or 0, error.strerror or str(error))
    return str(error)
