"""Any service is killed in any phase of a charge, and back after a while: the car does not notice (`safety` excepted,
which resumes by itself), there is one transaction, and its energy is that of the meter.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from bus.topics import HMI_CARD, SESSION_FACT, SESSION_PERMISSION
from schemas.hmi import LightPattern
from schemas.safety import PilotState
from schemas.session import StopReason
from tests.parts import sample as in_samples
from tests.virtual.charging_station import CARD, ChargingStation, Status

pytestmark = pytest.mark.virtual

SERVICES = ("safety", "metering", "session", "settings", "system", "hmi")
BEGUN_WH = 7000


def begun(tmp_path: Path, **settings: str) -> ChargingStation:
    station = ChargingStation(tmp_path, power=False, **settings)
    station.site.meter("connector.1", energy_wh=BEGUN_WH + 0.5)
    station.power_up()
    station.until_heard()
    station.advance(2.0)
    return station


def idle(station: ChargingStation) -> None:
    """Nothing is plugged in."""


def authorizing(station: ChargingStation) -> None:
    """A card was accepted, no vehicle yet."""
    station.swipe(CARD)
    station.until_status(Status.PREPARING)


def starting(station: ChargingStation) -> None:
    """The transaction has begun, the contactor has not closed."""
    station.plug_in()
    station.advance(0.5)
    station.swipe(CARD)
    station.until(lambda: bool(station.bills()), within_s=5.0)


def closing(station: ChargingStation) -> None:
    """The contactor is on its way."""
    starting(station)
    station.until(lambda: station.connector().contactor.coil, within_s=10.0)


def charging(station: ChargingStation) -> None:
    station.charge()
    station.until(lambda: station.current_a() > 31.5, within_s=15.0)


def suspended(station: ChargingStation) -> None:
    """The car has paused."""
    charging(station)
    station.site.ev_pause(1)
    station.until_status(Status.SUSPENDED_EV)


def stopping(station: ChargingStation) -> None:
    """The end is decided, its register is not read."""
    charging(station)
    station.swipe(CARD)
    station.until_status(Status.FINISHING, within_s=2.0)
    assert station.bill().stopped is None


Phase = Callable[[ChargingStation], None]
PHASES: tuple[Phase, ...] = (idle, authorizing, starting, closing, charging, suspended, stopping)


def go_on(station: ChargingStation, phase: Phase) -> None:
    """What the driver does next, until the bill is written and the car has left."""
    if phase is idle:
        station.charge()
    elif phase is authorizing:
        station.plug_in()
    elif phase is suspended:
        station.site.ev_resume(1)
    if phase is not stopping:
        station.until_current_flows(within_s=60.0)
        station.advance(2.0)
        station.swipe(CARD)
    station.until_ended()
    station.until(lambda: not station.locked(), within_s=5.0)
    station.unplug(force=False)
    station.until_status(Status.AVAILABLE)


def one_right_bill(station: ChargingStation) -> None:
    started, stopped = station.bill()
    assert stopped is not None
    assert (started.meter_start_wh, started.id_tag) == (BEGUN_WH, CARD)
    assert (stopped.meter_stop_wh, stopped.meter_stop_measured) == (station.register_wh(), True)
    assert (stopped.reason, stopped.id_tag) == (StopReason.LOCAL, CARD)


@pytest.mark.parametrize("away_s", in_samples([0.05, 0.5, 3.0], 2))
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)
@pytest.mark.parametrize("owner", SERVICES)
def test_a_killed_service_is_not_noticed(tmp_path: Path, owner: str, phase: Phase, away_s: float) -> None:
    station = begun(tmp_path)
    phase(station)
    contactor = station.connector().contactor
    opened_s, closings = contactor.opened_s, contactor.closings
    watched = phase is charging and owner != "safety"
    if watched:
        station.watch_current()
    station.kill(owner)
    station.advance(away_s)
    station.start(owner)
    station.advance(4.0)
    if watched:
        assert station.least_a is not None
        assert station.least_a > 31.0, "the car got less"
        assert (contactor.opened_s, contactor.closings) == (opened_s, closings)
    station.least_a = None
    go_on(station, phase)
    if watched or (phase is not suspended and owner != "safety"):
        assert contactor.closings == 1
    one_right_bill(station)
    assert station.fault_codes() == []
    station.advance(1.0)
    assert station.light() is LightPattern.READY


@pytest.mark.parametrize("owner", SERVICES)
def test_an_orderly_restart_while_charging_is_not_noticed(tmp_path: Path, owner: str) -> None:
    station = begun(tmp_path)
    charging(station)
    station.watch_current()
    station.restart(owner)
    station.advance(4.0)
    if owner != "safety":
        assert station.least_a is not None
        assert station.least_a > 31.0
    go_on(station, charging)
    one_right_bill(station)


@pytest.mark.parametrize("owner", SERVICES)
def test_a_crash_loop_of_any_service_bills_the_same_energy(tmp_path: Path, owner: str) -> None:
    station = begun(tmp_path)
    charging(station)
    for _ in range(6):
        station.kill(owner)
        station.advance(0.3)
        station.start(owner)
        station.advance(0.4)
    go_on(station, charging)
    one_right_bill(station)


def test_all_services_but_safety_restart_at_once_and_the_car_does_not_notice(tmp_path: Path) -> None:
    station = begun(tmp_path)
    charging(station)
    station.watch_current()
    for owner in SERVICES[1:]:
        station.kill(owner)
    station.advance(2.0)
    for owner in reversed(SERVICES[1:]):
        station.start(owner)
    station.advance(6.0)
    assert station.least_a is not None
    assert station.least_a > 31.0
    go_on(station, charging)
    one_right_bill(station)


def test_safety_killed_while_charging_opens_through_the_board_and_resumes_the_same_transaction(
    tmp_path: Path,
) -> None:
    station = begun(tmp_path)
    charging(station)
    station.kill("safety")
    assert station.until_open(within_s=0.2) <= 0.18
    station.start("safety")
    assert station.safety(1).state is not PilotState.C2
    took_s = station.until_current_flows(within_s=30.0)
    assert 5.0 <= took_s <= 15.0, "5 s between two closings count from the start of the process"
    assert station.bill().stopped is None
    go_on(station, charging)
    one_right_bill(station)


def test_a_restarted_session_starts_from_the_limit_in_force_and_changes_nothing(tmp_path: Path) -> None:
    """Neither lower because something is not yet heard, nor higher because the operator's limit is not."""
    station = begun(tmp_path, OperatorCurrentLimit="20")
    station.charge()
    station.until(lambda: station.current_a() > 19.5, within_s=15.0)
    for owner in ("session", "settings", "system"):
        station.kill(owner)
    station.advance(1.0)
    place = len(station.said)
    station.watch_current()
    station.start("session")
    station.advance(8.0)
    leases = [m.body for m in station.said[place:] if m.topic is SESSION_PERMISSION]
    assert leases, "5 s after its start it gives leases whoever is missing"
    assert all(lease.may_charge and 19.9 < lease.limit_a <= 20.0 for lease in leases), leases
    station.start("settings")
    station.start("system")
    station.advance(3.0)
    assert station.least_a is not None
    assert station.least_a > 19.5
    go_on(station, charging)
    one_right_bill(station)


def test_an_unplugging_while_session_is_away_ends_the_transaction_when_it_is_back(tmp_path: Path) -> None:
    station = begun(tmp_path)
    charging(station)
    station.kill("session")
    station.advance(1.0)
    station.unplug(cable_stays=True)
    station.advance(2.0)
    station.plug_in()
    station.advance(1.0)
    register_wh = station.register_wh()
    station.start("session")
    station.until_ended()
    stopped = station.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_wh) == (StopReason.EV_DISCONNECTED, register_wh)
    station.advance(10.0)
    assert station.register_wh() == register_wh, "the next vehicle has no card"


@pytest.mark.parametrize("seed", in_samples(range(24), 3))
def test_kills_at_random_moments_keep_one_bill_that_is_right(tmp_path: Path, seed: int) -> None:
    """Up to four kills in one charge; the seed is the number in the test's name."""
    random = Random(f"kills/{seed}")
    station = begun(tmp_path)
    station.plug_in()
    moments = sorted(random.uniform(0.0, 12.0) for _ in range(random.randint(1, 4)))
    begin_s = station.clock.boot_s
    back: list[str] = []
    swiped = False
    for moment in [*moments, 13.0]:
        if not swiped and moment > 1.0:
            station.advance(max(0.0, begin_s + 1.0 - station.clock.boot_s))
            station.swipe(CARD)
            swiped = True
        station.advance(max(0.0, begin_s + moment - station.clock.boot_s))
        while back:
            station.start(back.pop())
        if moment < 13.0:
            owner = random.choice(SERVICES)
            station.kill(owner)
            station.advance(random.choice((0.0, 0.03, 0.2)))
            if random.random() < 0.8:
                station.start(owner)
            else:
                back.append(owner)
    if not station.bills():
        station.swipe_until(lambda: bool(station.bills()))
    station.until_current_flows(within_s=60.0)
    station.advance(2.0)
    station.swipe_until(lambda: station.bills()[-1].stopped is not None)
    one_right_bill(station)


# frames lost or doubled


def charge_with_fate(tmp_path: Path, frame: int, copies: int) -> int:
    """A whole charge in which the n-th delivery of a frame is lost or doubled; returns how many there are."""
    station = begun(tmp_path)
    count = 0

    def fate(_sender: str, _receiver: str, _frame: bytes) -> int:
        nonlocal count
        count += 1
        return copies if count == frame else 1

    station.hub.fate = fate
    station.plug_in()
    station.advance(0.5)
    station.swipe_until(lambda: station.flows(), within_s=25.0)
    station.advance(0.5)
    station.swipe_until(lambda: bool(station.bills()) and station.bills()[0].stopped is not None)
    station.advance(2.0)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    assert sum(bill.energy_wh for bill in station.bills()) == station.register_wh() - BEGUN_WH
    assert len(station.bills()) == 1
    station.until(lambda: station.light() is LightPattern.READY, within_s=12.0)
    assert station.fault_codes() == []
    return count


def deliveries(tmp_path: Path) -> int:
    return charge_with_fate(tmp_path / "undisturbed", 0, 1)


@pytest.mark.parametrize("copies", [0, 2])
@pytest.mark.parametrize("sample", in_samples(range(15), 3))
def test_one_frame_lost_or_doubled_somewhere_changes_no_bill(tmp_path: Path, sample: int, copies: int) -> None:
    frame = Random(f"frames/{sample}/{copies}").randint(1, 140)
    charge_with_fate(tmp_path, frame, copies)


@pytest.mark.long
@pytest.mark.parametrize("copies", [0, 2])
def test_every_frame_lost_or_doubled_once_changes_no_bill(tmp_path: Path, copies: int) -> None:
    total = deliveries(tmp_path)
    assert total > 120
    for frame in range(1, total + 1):
        charge_with_fate(tmp_path / f"{copies}-{frame}", frame, copies)


@pytest.mark.parametrize("topic", [HMI_CARD, SESSION_FACT, SESSION_PERMISSION])
def test_every_frame_of_a_topic_doubled_changes_no_bill(tmp_path: Path, topic: object) -> None:
    station = begun(tmp_path)
    name = str(topic).encode()
    station.hub.fate = lambda _sender, _receiver, frame: 2 if frame.startswith(name) else 1
    charging(station)
    go_on(station, charging)
    one_right_bill(station)
