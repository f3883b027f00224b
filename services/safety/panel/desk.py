"""Requests to the safety service: look at every reading, switch a free output, try out a part. It routes."""

import logging
from collections.abc import Mapping

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from schemas.base import Answer
from schemas.safety import ExerciseRequest, LookRequest, ReadInputsRequest, SafetyStation, SetOutputRequest
from services.safety.panel import calibration, exercise, parts
from services.safety.panel.exercise import Exercise, Part, Verdict
from services.safety.panel.look import connector_values, station_values
from services.safety.panel.outputs import Wish
from services.safety.panel.panel import Panel
from services.safety.seat import Seat

logger = logging.getLogger("safety.desk")


class Desk:
    def __init__(self, bus: Endpoint, seats: Mapping[int, Seat], panel: Panel) -> None:
        self._bus = bus
        self._seats = seats
        self._panel = panel
        self._requests: dict[int, str] = {}
        """Connector -> request id of its running exercise; none for one that began by itself."""
        self._output_request = ""
        self._calibrated: set[int] = set()
        """Connectors whose calibration was tried by this process."""

    def wishes(self) -> list[Wish]:
        return [Wish(seat.state, seat.outputs) for seat in self._seats.values()]

    def take(self, message: Received, station: SafetyStation, now: Now) -> bool:
        """False = the message is no request to this desk."""
        body = message.body
        if isinstance(body, LookRequest):
            self._look(body, station, now)
        elif isinstance(body, SetOutputRequest):
            why = self._panel.set_output(self.wishes(), body.output, body.on)
            self._bus.answer(body.request_id, Answer.REJECTED if why else Answer.ACCEPTED, why)
        elif isinstance(body, ReadInputsRequest):
            free = self._panel.free(self.wishes())
            why = "InputOutputBackendControlledMode is off" if free is None else ""
            self._bus.answer(body.request_id, Answer.REJECTED if why else Answer.ACCEPTED, why, free)
        elif isinstance(body, ExerciseRequest):
            self._exercise(body, now)
        else:
            return False
        return True

    def _look(self, request: LookRequest, station: SafetyStation, now: Now) -> None:
        seat = self._seats.get(request.connector)
        if request.connector == 0:
            values = station_values(station, self._panel.driven, self._panel.has_fan, self._panel.board_report())
        elif seat is not None:
            values = connector_values(seat.state, seat.readings, seat.outputs, seat.permission, now.boot_s)
        else:
            there = ", ".join(map(str, self._seats))
            self._bus.answer(request.request_id, Answer.REJECTED, f"there is no such connector; there are {there}")
            return
        self._bus.answer(request.request_id, Answer.ACCEPTED, values=values)

    @property
    def start_id(self) -> str:
        """Of this start of the station; empty = not heard yet."""
        return next((seat.boot.start_id for seat in self._seats.values() if seat.boot is not None), "")

    # trying out

    def _exercise(self, request: ExerciseRequest, now: Now) -> None:
        why = self._refusal(request, now)
        if why:
            self._bus.answer(request.request_id, Answer.REJECTED, why)
        elif request.what == "output":
            self._output_request = request.request_id
            self._panel.test = self._panel.test_of(self.wishes(), request.output, now.boot_s)
        else:
            seat = self._seats[request.connector]
            part = parts.part_of(request.what, seat.state.equipment)
            assert part is not None
            self._requests[request.connector] = request.request_id
            self._begin(seat, part, request.what, now)

    def _refusal(self, request: ExerciseRequest, now: Now) -> str:
        if request.what == "output":
            if self._panel.test is not None:
                return "another output is being tried out"
            whys = [exercise.refusal(seat.state, seat.permission, now.boot_s) for seat in self._seats.values()]
            return next(filter(None, whys), "") or self._panel.no_test(self.wishes(), request.output, request.force)
        if request.what not in parts.PARTS:
            return f"there is no part {request.what!r}; parts: {', '.join(parts.PARTS)}, output"
        if request.what == "contactor" and not request.force:
            return "closing the contactor makes the output live: ask for it explicitly (--close-contactor)"
        seat = self._seats.get(request.connector)
        if seat is None:
            return f"there is no such connector; there are {', '.join(map(str, self._seats))}"
        if seat.exercise is not None or self._panel.test is not None:
            return "something is being tried out already: try again in a few seconds"
        return exercise.refusal(seat.state, seat.permission, now.boot_s)

    def _begin(self, seat: Seat, part: Part, what: str, now: Now) -> None:
        logger.warning("connector %d: trying out: %s", seat.state.equipment.connector, what)
        if what == "contactor":
            seat.state.memory.contactor_cycles += 1
        seat.begin_exercise(Exercise(seat.state.equipment, part, now.boot_s), what == "calibration", now.boot_s)

    def turn(self, now: Now) -> None:
        """Answers what has ended; begins a calibration that is due."""
        for number, seat in self._seats.items():
            if seat.verdict is not None:
                self._ended(number, seat.verdict)
                seat.verdict = None
            elif seat.exercise is None:
                self._calibrate(number, seat, now)
        test = self._panel.test
        if test is not None and test.verdict is not None:
            self._answer(self._output_request, test.verdict)
            self._panel.test = None

    def _ended(self, number: int, verdict: Verdict) -> None:
        level = logging.INFO if verdict.passed else logging.WARNING
        logger.log(level, "connector %d: %s", number, verdict.words)
        request_id = self._requests.pop(number, "")
        if request_id:
            self._answer(request_id, verdict)

    def _answer(self, request_id: str, verdict: Verdict) -> None:
        values = {**verdict.measured, "passed": "yes" if verdict.passed else "no"}
        self._bus.answer(request_id, Answer.ACCEPTED, verdict.words, values)

    def _calibrate(self, number: int, seat: Seat, now: Now) -> None:
        start_id, state = self.start_id, seat.state
        if number in self._calibrated or not calibration.is_wanted(state, seat.permission, start_id, now.boot_s):
            return
        self._calibrated.add(number)
        self._begin(seat, calibration.CalibrationPart(state.memory, start_id), "calibration", now)
