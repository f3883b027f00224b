"""A charging station to break: faults go in, and every step of `safety` is held against the invariants.

    bench = FaultBench(tmp_path, connector='output_sense = true', equipment='inputs = { rcd = "normally open" }')
    bench.charge_fully()
    bench.inject("rcd_trip", for_s=0.05)
    bench.expect_fault("rcd_tripped", within_s=0.1)
    bench.expect_open(within_s=0.1)
    bench.clear("rcd_trip")
    bench.expect_cleared("rcd_tripped", within_s=5.0)

A broken invariant ends the test in the step in which it happens. Faults are those of `hardware/sim/site/faults.py`.
"""

from collections import deque
from pathlib import Path
from typing import Any

from bus.topics import SYSTEM_FAULTS
from hardware.sim.site.connector import Connector
from schemas.faults import FAULTS, FaultClass
from schemas.hmi import LightPattern
from services.runner import Context, Service
from services.safety import core
from services.safety.journal import JournalFile
from services.safety.memory import cleared
from services.safety.seat import Seat
from services.safety.station import SafetyService
from services.safety.status import connector_message
from tests.backend.scripted import ScriptedBackend
from tests.invariants import Checker, Record
from tests.outlet_invariants import OutletChecker, checker_of
from tests.second_taking import SecondTaking
from tests.virtual.charging_station import CARD, OTHER_CARD, ChargingStation, Status, station_file
from tests.virtual.told import LIGHTS, News, end_of, is_shown, is_told_as_faulted, news_of, rise_of

STOPPING = (FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT)
BLOCKING = (FaultClass.PAUSE, *STOPPING)
KEPT_STEPS = 20_000
"""Of each connector: about seven minutes while connected."""


def bench_file(connector: str = "", equipment: str = "", connectors: int = 1, **settings: str) -> str:
    """`connector`, `equipment`: lines of these sections of the station file."""
    text = station_file(connectors, connector, (CARD, OTHER_CARD), **settings)
    return f"{text}[equipment]\n{equipment}\n" if equipment else text


class FaultBench(ChargingStation):
    """`station_text`: the whole station file; otherwise lines of its sections, and settings by their key."""

    def __init__(
        self,
        path: Path,
        station_text: str = "",
        *,
        connector: str = "",
        equipment: str = "",
        connectors: int = 1,
        backend: ScriptedBackend | None = None,
        power: bool = True,
        **settings: str,
    ) -> None:
        self.steps: dict[int, deque[Record]] = {}
        """The last steps of each connector, as `safety` took them."""
        self.service_resets: set[int] = set()
        """Connectors whose lockout a person has reset since their last step."""
        self.presets: set[int] = set()
        """Connectors of which a person has set a counter since their last step."""
        self.second = SecondTaking()
        self._checkers: dict[int, Checker | OutletChecker] = {}
        self._seats: dict[int, Seat] = {}
        text = station_text or bench_file(connector, equipment, connectors, **settings)
        super().__init__(path, text=text, power=power, backend=backend)

    # what `safety` does, step by step

    def _build_safety(self, context: Context) -> Service:
        service = super()._build_safety(context)
        assert isinstance(service, SafetyService)
        service.watch = self._see
        return service

    def _see(self, seat: Seat, result: core.Result, now_s: float) -> None:
        state = seat.state
        number = state.equipment.connector
        started = self._seats.get(number) is not seat
        self._seats[number] = seat
        grant = core.grant_of(state, seat.permission, now_s)
        record = Record(
            now_s,
            seat.readings,
            seat.permission,
            result.outputs,
            result.events,
            connector_message(state, grant, "run"),
            state.settings,
            started=started,
            failed=state.faults.error_s == now_s,
            service_reset=number in self.service_resets,
            preset=number in self.presets,
        )
        self.service_resets.discard(number)
        self.presets.discard(number)
        self.steps.setdefault(number, deque(maxlen=KEPT_STEPS)).append(record)
        if number not in self._checkers:
            self._checkers[number] = checker_of(state.equipment)
        self._checkers[number].see(record)
        self.second.see(seat, result, now_s)

    # doing

    def charge_fully(self, connector: int = 1, least_a: float = 31.5, **vehicle: Any) -> None:
        """Plug in, card, until the ramp has reached this current."""
        self.charge(connector, **vehicle)
        self.until(lambda: self.current_a(connector) >= least_a, within_s=20.0)

    def inject(self, name: str, value: float | None = None, connector: int = 1, for_s: float | None = None) -> None:
        """A simulated fault begins now; with `for_s` it ends by itself."""
        self.site.advance(self.clock.boot_s)
        self.site.fault(name, connector, True, value, None, for_s)

    def clear(self, name: str, connector: int = 1) -> None:
        self.site.advance(self.clock.boot_s)
        self.site.fault(name, connector, False)

    def press(self, name: str, on: bool | None = True) -> None:
        """A wired contact is active or not, whatever it is wired to; None lets go."""
        self.site.advance(self.clock.boot_s)
        self.site.set_input(name, on)

    def lose_mains(self) -> None:
        """The whole station is without supply: contactors, locks, meters, and every service."""
        for number in self.station.connectors:
            self.inject("mains_loss", connector=number)
        self.power_cut()

    def mains_back(self) -> None:
        for number in self.station.connectors:
            self.clear("mains_loss", connector=number)
        self.power_up()

    def reset_lockouts(self) -> None:
        """Service: `safety` ends, its lockouts are cleared, it starts again."""
        self.stop("safety")
        journal = JournalFile(self.home.data / "safety.json")
        memories = journal.load(list(self.station.connectors))
        journal.save({number: cleared(memory) for number, memory in memories.items()})
        self.service_resets.update(self.station.connectors)
        self.start("safety")

    # what must come of it

    def expect_fault(self, code: str, within_s: float, connector: int = 1, owner: str = "safety") -> float:
        """It is raised once, in time, told with its OCPP error code, and shown; returns how long it took."""
        took_s = self.until(lambda: self._is_active(code, connector, owner), within_s)
        assert self._raised(code, connector, owner) == [True], f"{code}: {self.edges(code, owner, connector)}"
        if FAULTS[code].fault_class in STOPPING:
            assert not self.last_step(connector).outputs.coil, f"the coil is on with {code}"
        if FAULTS[code].fault_class in BLOCKING:
            self.expect_told(code, connector)
        else:
            self.expect_warned(code, connector)
        return took_s

    def expect_told(self, code: str, connector: int = 1) -> None:
        """OCPP and light show the fault: Faulted with its error code, steady red; so does the backend, if there is one.

        While another fault that comes first in the catalogue is active, it is that one's error code.
        """
        self.expect_shown(code, connector)
        self.until(lambda: self.status(connector) is Status.FAULTED, within_s=1.0)
        first = next(each for each in FAULTS if each in self.safety(connector).faults)
        assert self.session(connector).error_code == FAULTS[first].error_code
        self.until(lambda: self.light(connector) is LightPattern.FAULT, within_s=1.0)
        if self.backend.connected:
            told = self.backend.payloads
            self.until(lambda: is_told_as_faulted(first, connector, told("StatusNotification")), within_s=5.0)

    def expect_warned(self, code: str, connector: int = 1) -> None:
        """It stops no power: people are shown it with its codes, the light stays that of the status; the backend, if
        there is one, is told it once.
        """
        self.expect_shown(code, connector)
        self.expect_light_of_status(connector)
        if self.backend.connected:
            self._until_news(code, connector, [rise_of(code)])

    def expect_shown(self, code: str, connector: int = 1) -> None:
        """In the list of faults, once, with its error code, internal code and words."""
        self.until(lambda: is_shown(code, connector, self.last(SYSTEM_FAULTS)), within_s=1.0)

    def _until_news(self, code: str, connector: int, wanted: list[News]) -> None:
        """The queue tells the same thing every 10 s at most."""
        told = self.backend.payloads
        try:
            self.until(lambda: news_of(code, connector, told("StatusNotification")) == wanted, within_s=12.0)
        except AssertionError as error:
            news = news_of(code, connector, told("StatusNotification"))
            raise AssertionError(f"{code}: the backend was told {news}") from error

    def expect_light_of_status(self, connector: int = 1) -> None:
        """Red only while a fault stops power; otherwise what the status looks like."""
        self.until(lambda: self.light(connector) in LIGHTS[self.status(connector)], within_s=1.0)

    def expect_cleared(self, code: str, within_s: float, connector: int = 1, owner: str = "safety") -> float:
        """It is cleared once, and the backend, if there is one, is told so once; returns how long it took."""
        took_s = self.until(lambda: not self._is_active(code, connector, owner), within_s)
        assert self._raised(code, connector, owner) == [True, False], f"{code}: {self.edges(code, owner, connector)}"
        if self.backend.connected and FAULTS[code].fault_class not in BLOCKING:
            self._until_news(code, connector, [rise_of(code), end_of(code)])
        return took_s

    def _is_active(self, code: str, connector: int, owner: str) -> bool:
        if owner == "safety":
            return code in self.safety(connector).faults
        edges = self.edges(code, owner, connector)
        return bool(edges) and edges[-1].raised

    def _raised(self, code: str, connector: int, owner: str) -> list[bool]:
        self.settle()
        return [edge.raised for edge in self.edges(code, owner, connector)]

    def expect_no_fault(self, connector: int = 1) -> None:
        assert self.safety(connector).faults == ()

    def expect_open(self, within_s: float, connector: int = 1) -> float:
        """The main contacts are open; returns how long it took."""
        return self.until_open(connector, within_s)

    def coil_off_within(self, within_s: float, connector: int = 1) -> float:
        """The coil is commanded off; returns how long it took."""
        return self.until(lambda: not self.last_step(connector).outputs.coil, within_s)

    def last_step(self, connector: int = 1) -> Record:
        return self.steps[connector][-1]

    def parts(self, connector: int = 1) -> Connector:
        """The simulated hardware."""
        return self.site.connectors[connector]
