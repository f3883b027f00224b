"""The station's inputs and outputs of a running service: driven, read back, told. Routes; `outputs.py` decides."""

import logging
from collections.abc import Callable, Mapping, Sequence

from hardware.interfaces import SafetyBoard
from schemas.station import EquipmentSection
from services.safety.panel import outputs
from services.safety.panel.input_reports import InputReports, free_inputs
from services.safety.panel.output_test import OutputTest
from services.safety.panel.outputs import AUXILIARY, BACKENDS, CLIMATE, Book, Wish
from services.safety.state import Driven, NoticeWish
from services.safety.thermal.climate import HEATER_BY_TEMPERATURE
from services.safety.timings import BOOT_S

logger = logging.getLogger("safety.panel")


class Panel:
    """`tell`: publishes a notice of the station."""

    def __init__(self, board: SafetyBoard, mounted: EquipmentSection, tell: Callable[[NoticeWish], None]) -> None:
        self._board = board
        self._wired = mounted.inputs
        self._names = [name for name in mounted.outputs if name in board.outputs]
        self._tell = tell
        self._book = Book()
        self._reports = InputReports()
        self._started_s: float | None = None
        self.test: OutputTest | None = None
        """The output that is tried out."""
        self.next_s = float("inf")
        """When there is something to do without anything being read, boot clock."""

    @property
    def has_fan(self) -> bool:
        """Its speed is measured."""
        return "fan" in self._board.tachometers

    def board_report(self) -> Sequence[tuple[str, str]]:
        return self._board.report()

    @property
    def driven(self) -> Mapping[str, Driven]:
        return self._book.driven

    def drive_safe(self, wishes: Sequence[Wish], now_s: float) -> None:
        for name, on in outputs.safe(self._names, wishes).items():
            self._command(name, on, now_s)

    def turn(self, wishes: Sequence[Wish], start_id: str, now_s: float) -> None:
        """`start_id`: of this start of the station; empty = not heard yet."""
        self._started_s = now_s if self._started_s is None else self._started_s
        late = now_s - self._started_s >= BOOT_S
        self.next_s = float("inf")
        requested = self._requested(wishes, start_id)
        for name, on in outputs.wanted(self._names, wishes, requested).items():
            if self.test is not None and name == self.test.name:
                back, fan = self._board.outputs[name].readback(), self._board.tachometers.get("fan")
                self._command(name, self.test.turn(back, now_s, fan.read() if fan is not None else None), now_s)
                self.next_s = min(self.next_s, self.test.next_s())
            elif name in BACKENDS and not start_id and not late:
                # What the backend asked for lasts until the station restarts, and whether it has is not known yet.
                self.next_s = min(self.next_s, self._started_s + BOOT_S)
            elif self._command(name, on, now_s) and wishes:
                wish = outputs.announced(name, on, wishes[0].state.settings)
                if wish is not None:
                    self._tell(wish)
        for name in self._book.complaints(now_s):
            logger.warning("output %s is driven %s and does not follow", name, "on" if self.driven[name].on else "off")
        self._report_inputs(wishes, now_s)

    def _command(self, name: str, on: bool, now_s: float) -> bool:
        output = self._board.outputs[name]
        output.drive(on)
        return self._book.command(name, on, output.readback(), now_s)

    def _requested(self, wishes: Sequence[Wish], start_id: str) -> Mapping[str, bool]:
        """Kept with the first connector's memory: over a restart of the process, not over one of the station."""
        if not wishes or not start_id:
            return {}
        memory = wishes[0].state.memory
        if memory.outputs_for != start_id:
            memory.outputs, memory.outputs_for = {}, start_id
        return memory.outputs if outputs.backend_controls(wishes) else {}

    def _report_inputs(self, wishes: Sequence[Wish], now_s: float) -> None:
        if not wishes:
            return
        settings = wishes[0].state.settings
        told = settings.notify_inputs and settings.backend_controlled
        turn = self._reports.turn(self._free_inputs(wishes) if told else {}, now_s)
        if turn.notice is not None:
            self._tell(turn.notice)
        self.next_s = min(self.next_s, turn.next_s)

    def _free_inputs(self, wishes: Sequence[Wish]) -> dict[str, bool | None]:
        """Those that are wired; None = not read."""
        names = free_inputs(wish.state.settings for wish in wishes)
        return {name: self.input(name) for name in names if name in self._wired}

    def input(self, name: str) -> bool | None:
        """Whether a wired contact is active; None = not read."""
        source = self._board.inputs.get(name)
        read = source.state() if source is not None else None
        return None if read is None else read.closed is not (self._wired[name] == "normally closed")

    def free(self, wishes: Sequence[Wish]) -> dict[str, str] | None:
        """The free inputs and outputs: "on", "off", "" = not read; None = they are not the backend's."""
        if not outputs.backend_controls(wishes):
            return None
        words = {None: "", True: "on", False: "off"}
        inputs = self._free_inputs(wishes)
        own = [name for name in BACKENDS if name in self.driven]
        return {name: words[on] for name, on in inputs.items()} | {name: words[self.driven[name].on] for name in own}

    def no_test(self, wishes: Sequence[Wish], name: str, force: bool) -> str:
        """Why an output cannot be tried out; empty = it can."""
        if name not in self._names:
            return f"there is no output {name[:32]!r}; there are {', '.join(self._names) or 'none'}"
        if name == AUXILIARY and not force:
            use = outputs.auxiliary_use([wish.state.settings for wish in wishes]).value
            return f"the auxiliary output may be wired to a {use}: ask for it explicitly (--auxiliary)"
        return ""

    def test_of(self, wishes: Sequence[Wish], name: str, now_s: float) -> OutputTest:
        """A fan whose speed is measured is awaited, unless the climate output drives a heater."""
        heater = any(wish.state.settings.climate_mode == HEATER_BY_TEMPERATURE for wish in wishes)
        return OutputTest(name, now_s, name == CLIMATE and self.has_fan and not heater)

    def set_output(self, wishes: Sequence[Wish], name: str, on: bool) -> str:
        """The backend switches an output. Returns why not; empty = it is switched with the next turn."""
        if not outputs.backend_controls(wishes):
            return "InputOutputBackendControlledMode is off"
        if name not in BACKENDS or name not in self._names:
            there = ", ".join(each for each in BACKENDS if each in self._names) or "none"
            return f"there is no free output {name[:32]!r}; free outputs: {there}"
        memory = wishes[0].state.memory
        if not memory.outputs_for:
            return "the station is still starting"
        memory.outputs = {**memory.outputs, name: on}
        return ""
