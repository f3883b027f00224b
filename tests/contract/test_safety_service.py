"""The safety service on the bus and on a simulated site: what it hears, says, drives and remembers."""

import itertools
import json
import logging
from pathlib import Path

import pytest

from bus.topics import FAULTS, SAFETY_CONNECTOR, SESSION_PERMISSION, SETTINGS_VALUES
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.site import Site
from hardware.sim.site.car import Ev
from schemas.safety import Contactor, PilotState, SafetyConnector
from schemas.session import Permission
from schemas.settings import SettingsSnapshot
from services.home import Home
from services.runner import Context
from services.safety.journal import JournalFile
from services.safety.station import HEARS, SafetyService
from services.world.station import describe
from tests.puppets import puppet
from tests.virtual_cell import Cell, Wiring

pytestmark = pytest.mark.contract


class Bench(Cell):
    """The real service, the real physics; session and settings are puppets."""

    def __init__(self, path: Path, text: str = "", hardware_a: str = "32") -> None:
        super().__init__(Home(path / "home"), text, {})
        self.site = Site(describe(self.station), None, self.clock.boot_s)
        self.world_next_s = self.site.next_event_s
        self.world_advance = self._advance_site
        self.wirings = {
            "session": puppet(),
            "settings": puppet(),
            "safety": Wiring(HEARS, (), self._build),
        }
        self.may, self.limit_a, self.renewing = True, 32.0, True
        self.hardware_a = hardware_a
        self.power_up()
        self.tell_settings(hardware_a)

    def _build(self, context: Context) -> SafetyService:
        board = DirectSafetyBoard(self.site, lambda: self.clock.boot_s)
        return SafetyService(context.bus, context.station, board, JournalFile(context.home.data / "safety.json"))

    def _advance_site(self, now_s: float) -> int:
        self.site.advance(now_s)
        return self.site.revision

    def tell_settings(self, hardware_a: str, revision: int = 1) -> None:
        body = SettingsSnapshot(revision=revision, values={"HardwareCurrentLimit": hardware_a})
        self.processes["settings"].endpoint.publish(SETTINGS_VALUES, body)
        self.settle()

    def permit(self, connector: int = 1, seconds: float = 10.0) -> None:
        body = Permission(
            connector=connector,
            may_charge=self.may,
            limit_a=self.limit_a,
            hold_cable=True,
            until_s=self.clock.boot_s + seconds,
        )
        self.processes["session"].endpoint.publish(SESSION_PERMISSION, body, key=str(connector))
        self.settle()

    def live(self, seconds: float, connector: int = 1) -> None:
        """Time passes, with the lease renewed every second."""
        end_s = self.clock.boot_s + seconds
        while self.clock.boot_s < end_s - 1e-9:
            self.permit(connector)
            self.advance(min(1.0, end_s - self.clock.boot_s))

    def charge(self) -> None:
        self.live(6.0)
        self.site.plug_in(1)
        self.live(5.0)
        assert self.shown().contactor is Contactor.CLOSED, self.shown()

    def shown(self, connector: int = 1) -> SafetyConnector:
        body = self.last(SAFETY_CONNECTOR, str(connector))
        assert isinstance(body, SafetyConnector)
        return body

    def journal(self) -> dict[str, object]:
        self.processes["safety"].service.abandon()  # type: ignore[attr-defined]
        return json.loads((self.home.data / "safety.json").read_text(encoding="utf-8"))


def test_a_car_charges_and_the_bus_tells_every_state_on_the_way(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    states = [body.state for body in bench.bodies(SAFETY_CONNECTOR, "1")]
    order = [state for place, state in enumerate(states) if place == 0 or states[place - 1] is not state]
    assert order == [PilotState.BOOT, PilotState.A, PilotState.B1, PilotState.B2, PilotState.C2]
    shown = bench.shown()
    assert shown.offered_a == pytest.approx(31.98)
    assert shown.rated_a == 32.0
    assert shown.contactor_cycles == 1
    assert shown.reason == ""
    assert bench.last(FAULTS["safety"]).faults == ()


def test_the_state_is_told_at_least_once_a_second(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.live(10.0)
    times = [m.sent_s for m in bench.said if m.topic is SAFETY_CONNECTOR]
    assert all(later - earlier <= 1.0 + 1e-3 for earlier, later in itertools.pairwise(times))


def test_without_a_car_the_loop_sleeps_between_the_samples(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.live(5.2)
    service, now = bench.processes["safety"].service, bench.clock.now()
    service.on_time(now)
    assert service.on_time(now) - now.boot_s >= 0.15


def test_while_closed_the_loop_runs_every_10_ms_and_feeds_the_monoflop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    service, now = bench.processes["safety"].service, bench.clock.now()
    assert service.on_time(now) - now.boot_s <= 0.010 + 1e-9
    bench.live(3.0)
    assert bench.site.mirror(1)


def test_a_process_that_stops_dead_loses_its_contactor_through_the_monoflop_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.kill("safety")
    bench.advance(0.2)
    assert not bench.site.mirror(1)


def test_a_killed_process_comes_back_and_resumes_the_charge(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.kill("safety")
    bench.advance(1.0)
    bench.start("safety")
    bench.live(12.0)
    shown = bench.shown()
    assert shown.contactor is Contactor.CLOSED
    assert shown.offered_a == pytest.approx(31.98)
    assert shown.contactor_cycles == 2
    assert shown.faults == ()


def test_sigterm_opens_at_once_and_leaves_x1(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.stop("safety")
    bench.advance(0.06)
    assert not bench.site.mirror(1)
    assert bench.site.pilot_levels(1).duty == 1.0


def test_a_silent_session_ends_the_charge_when_the_lease_ends(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.permit()
    bench.advance(9.9)
    assert bench.shown().contactor is Contactor.CLOSED
    bench.advance(0.2)
    assert bench.shown().offered_a == 0.0
    bench.advance(6.1)
    assert bench.shown().contactor is Contactor.OPEN


def test_a_resent_lease_is_never_longer_than_it_says(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.permit(seconds=4.0)
    until_s = bench.clock.boot_s + 4.0
    bench.advance(1.0)
    bench.kill("safety")
    bench.start("safety")
    bench.advance(1.5)
    assert bench.shown().permission_until_s == pytest.approx(until_s)
    bench.advance(2.5)
    assert bench.shown().permission_until_s == 0.0


def test_a_lease_from_the_future_does_not_begin_to_count_when_its_end_is_near(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.live(6.0)
    bench.site.plug_in(1)
    bench.permit(seconds=60.0)
    for _ in range(120):
        bench.advance(0.5)
        assert bench.shown().offered_a == 0.0
        assert bench.shown().contactor is Contactor.OPEN
    bench.live(12.0)
    assert bench.shown().contactor is Contactor.CLOSED, "a good lease is heard as before"


def test_the_hardware_limit_is_never_changed_while_a_contactor_is_closed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.tell_settings("16", revision=7)
    bench.live(3.0)
    assert bench.shown().rated_a == 32.0
    assert bench.processes["safety"].service.settings_revision == 1
    bench.may = False
    bench.live(8.0)
    assert bench.shown().rated_a == 16.0
    assert bench.processes["safety"].service.settings_revision == 7


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "-5", "5", "81", "1e9"])
def test_an_unusable_hardware_limit_changes_nothing(tmp_path: Path, value: str) -> None:
    bench = Bench(tmp_path, hardware_a=value)
    bench.live(6.0)
    bench.site.plug_in(1)
    bench.live(3.0)
    assert bench.shown().state is PilotState.B1
    assert bench.shown().reason == "waiting for the settings service"


def test_the_last_hardware_limit_holds_after_a_restart_without_the_settings_service(tmp_path: Path) -> None:
    bench = Bench(tmp_path, hardware_a="20")
    bench.charge()
    bench.kill("settings")
    bench.kill("safety")
    bench.start("safety")
    bench.live(12.0)
    assert bench.shown().rated_a == 20.0
    assert bench.shown().contactor is Contactor.CLOSED


def test_a_weld_is_told_locked_out_remembered_and_ends_only_by_service(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.site.fault("weld", 1, True)
    bench.site.ev_pause(1)
    bench.live(5.0)
    assert bench.shown().state is PilotState.LOCKOUT
    assert [fault.code for fault in bench.last(FAULTS["safety"]).faults] == ["contactor_welded"]
    assert bench.journal()["connectors"]["1"]["lockout"] == "contactor_welded"  # type: ignore[index]
    bench.site.fault("weld", 1, False)
    bench.kill("safety")
    bench.start("safety")
    bench.live(20.0)
    assert bench.shown().state is PilotState.LOCKOUT
    assert bench.shown().lock.value == "locked"


def test_a_destroyed_journal_is_set_aside_and_the_contacts_are_proven_before_charging(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.kill("safety")
    (bench.home.data / "safety.json").write_text('{"version": 1, "connectors": ')
    bench.start("safety")
    assert bench.shown().state is PilotState.LOCKOUT
    bench.live(40.0)
    assert bench.shown().reason.startswith("unplug the vehicle once"), "the journal knew that the sensor was tested"
    bench.site.plug_out(1, force=True)
    bench.live(5.0)
    bench.site.plug_in(1)
    bench.live(10.0)
    assert bench.shown().contactor is Contactor.CLOSED
    assert (bench.home.data / "safety.json.unreadable-1").exists()


def test_a_fault_of_one_connector_leaves_the_other_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "[connector.1]\n[connector.2]\n")
    for _ in range(6):
        bench.permit(2)
        bench.live(1.0)
    bench.site.plug_in(1)
    bench.site.plug_in(2)
    for _ in range(5):
        bench.permit(2)
        bench.live(1.0)
    bench.site.fault("pilot_short", 1, True)
    bench.permit(2)
    bench.live(1.0)
    assert bench.shown(1).state is PilotState.E
    assert bench.shown(2).contactor is Contactor.CLOSED
    assert bench.site.mirror(2)


def test_a_permission_for_a_connector_that_is_not_there_is_ignored(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.permit(9)
    bench.live(3.0)
    assert bench.shown().state is PilotState.A


def test_the_time_of_the_opening_command_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.site.ev_pause(1)
    paused_s = bench.clock.boot_s
    bench.live(1.0)
    assert paused_s <= bench.shown().coil_off_s <= paused_s + 0.05


@pytest.mark.parametrize(
    ("fault", "value", "within_s", "code"),
    [
        ("pilot_short", None, 0.1, "pilot_shorted"),
        ("pilot_gap", 7.5, 0.2, "pilot_level_invalid"),
        ("diode", None, 0.2, "pilot_diode"),
        ("pilot_nan", None, 0.01, ""),
        ("pilot_frozen", None, 0.06, ""),
        ("pwm_frequency", 900.0, 1.0, "pilot_output"),
        ("contactor_drops", None, 0.1, "contactor_unexpected_open"),
        ("lock_opens", None, 0.1, "lock_unexpected_open"),
        ("proximity_open", None, 0.1, "proximity_lost"),
    ],
)
def test_an_injected_fault_opens_the_contactor_within_its_bound(
    tmp_path: Path, fault: str, value: float | None, within_s: float, code: str
) -> None:
    bench = Bench(tmp_path)
    bench.charge()
    bench.permit()
    bench.site.fault(fault, 1, True, value)
    bench.until(lambda: bench.shown().contactor is not Contactor.CLOSED, within_s)
    bench.until(lambda: not bench.site.mirror(1), 0.05)
    if code:
        bench.until(lambda: code in bench.shown().faults, 0.2)
        assert [body.code for body in bench.last(FAULTS["safety"]).faults] == [code]


def test_a_bouncing_contactor_is_told_as_closed_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.site.fault("contactor_bounce", 1, True)
    bench.charge()
    bench.live(2.0)
    phases = [body.contactor for body in bench.bodies(SAFETY_CONNECTOR, "1")]
    closings = sum(1 for one, two in itertools.pairwise(phases) if two is Contactor.CLOSED is not one)
    assert closings == 1


def test_a_simplified_vehicle_gets_10_amperes_and_one_that_needs_ventilation_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.live(6.0)
    bench.site.plug_in(1, Ev(simplified=True))
    bench.live(5.0)
    assert bench.shown().contactor is Contactor.CLOSED
    assert bench.shown().offered_a <= 10.0
    bench.site.plug_out(1, force=True)
    bench.live(3.0)
    bench.site.plug_in(1, Ev(needs_ventilation=True))
    bench.live(10.0)
    assert bench.shown().contactor is Contactor.OPEN
    assert bench.shown().contactor_cycles == 1


def test_the_words_of_the_boards_trouble_are_logged_once_and_their_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "safety")
    bench = Bench(tmp_path)
    bench.charge()
    for away in (True, False):
        bench.site.fault("board_away", 1, away)
        bench.live(2.0)
    told = [text for text in caplog.messages if text.startswith("board: ")]
    assert told == ["board: the board does not answer", "board: no trouble any more"]
