"""Wear: what is counted, when it is warned of, and presets that act exactly once (F16, F88)."""

from collections.abc import Callable

import pytest

from schemas.faults import FAULTS, FaultClass
from schemas.settings import ActionOrder
from services.safety.memory import Memory, unreadable
from services.safety.orders import OrderBook
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, MeterSight
from tests.safety_rig import FIXED, SOCKET, Rig

pytestmark = pytest.mark.bench

RATED = SafetySettings(hardware_limit_a=32.0, load_threshold_a=5.0)


def charged(current_a: float | None, settings: SafetySettings = RATED) -> Rig:
    rig = Rig(settings=settings)
    rig.charge()
    if current_a is not None:
        rig.world.meter = MeterSight((0.0, current_a, 0.0), (230.0, 230.0, 230.0), 0.0, True)
    rig.run(10.0)
    return rig


@pytest.mark.parametrize(("current_a", "counted"), [(5.0, 0), (5.1, 1), (None, 0)])
def test_an_opening_counts_as_under_load_above_the_threshold_on_any_phase(
    current_a: float | None, counted: int
) -> None:
    rig = charged(current_a)
    rig.vehicle("B")
    rig.run(1.0)
    assert (rig.shown.contactor_cycles, rig.shown.contactor_load_cycles) == (1, counted)


def test_f16_a_vehicle_that_is_cut_off_at_6_s_counts_once_under_load() -> None:
    rig = charged(16.0)
    rig.allow(False)
    rig.until(lambda: not rig.coil, 6.1)
    rig.run(5.0)
    assert rig.shown.contactor_load_cycles == 1


def test_a_contactor_that_falls_because_the_loop_was_held_up_falls_under_load() -> None:
    rig = charged(16.0)
    rig.now_s += 0.4
    rig.step()
    rig.run(1.0)
    assert rig.shown.contactor_load_cycles == 1


@pytest.mark.parametrize("silent_s", [6.0, 20.0])
def test_a_reading_that_is_too_old_counts_nothing(silent_s: float) -> None:
    rig = charged(16.0)
    rig.world.meter_alive = False
    rig.run(silent_s)
    rig.vehicle("B")
    rig.run(1.0)
    assert rig.shown.contactor_load_cycles == 0


def test_a_reading_from_before_this_closing_counts_nothing() -> None:
    rig = charged(16.0)
    rig.vehicle("B")
    rig.run(10.0)
    rig.world.meter_alive = False
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 3.0)
    rig.run(0.5)
    rig.vehicle("B")
    rig.run(1.0)
    assert (rig.shown.contactor_cycles, rig.shown.contactor_load_cycles) == (2, 1)


def test_a_plug_counts_once_however_often_its_contacts_or_the_process_flicker() -> None:
    rig = Rig()
    rig.run(3.0)
    rig.plug()
    rig.run(2.0)
    rig.vehicle("A", float("inf"))
    rig.run(0.5)
    rig.plug()
    rig.run(2.0)
    rig.restart()
    rig.run(3.0)
    assert rig.shown.plug_cycles == 1
    rig.vehicle("A")
    rig.run(3.0)
    assert rig.shown.plug_cycles == 1, "the cable is still in the socket"
    rig.unplug()
    rig.run(3.0)
    rig.plug()
    rig.run(1.0)
    assert rig.shown.plug_cycles == 2


def test_with_a_fixed_cable_vehicles_are_counted() -> None:
    rig = Rig(equipment=FIXED)
    rig.run(2.0)
    for _ in range(2):
        rig.vehicle("B")
        rig.run(2.0)
        rig.vehicle("A")
        rig.run(2.0)
    assert rig.shown.plug_cycles == 2


Count = Callable[[int], Memory]


@pytest.mark.parametrize(
    ("code", "settings", "of"),
    [
        ("contactor_worn_out", RATED._replace(contactor_lifetime=100), lambda n: Memory(contactor_cycles=n)),
        ("contactor_load_wear", RATED._replace(load_cycles_limit=100), lambda n: Memory(contactor_load_cycles=n)),
        ("plug_wear", RATED._replace(plug_lifetime=100), lambda n: Memory(plug_cycles=n)),
    ],
)
def test_f88_a_limit_is_warned_of_and_charging_goes_on(code: str, settings: SafetySettings, of: Count) -> None:
    assert FAULTS[code].fault_class is FaultClass.WARN
    for count, told in ((99, False), (100, True)):
        rig = Rig(settings=settings)
        rig.start(of(count))
        rig.run(2.0)
        assert (code in rig.shown.faults) is told
    rig.charge()
    assert rig.coil
    rig.start(of(10**6))
    rig.settings = RATED
    rig.start(rig.state.memory)
    rig.run(2.0)
    assert not rig.shown.faults, "0 = not watched"


def test_at_90_percent_the_contactor_is_nearly_worn_out_and_at_its_lifetime_no_longer_nearly() -> None:
    settings = RATED._replace(contactor_lifetime=100)
    for count, shown in ((89, ()), (90, ("contactor_wear",)), (100, ("contactor_worn_out",))):
        rig = Rig(settings=settings)
        rig.start(Memory(contactor_cycles=count))
        rig.run(2.0)
        assert rig.shown.faults == shown


def order(name: str, value: str, order_id: str = "o-1", ordered_s: float = 1000.0, connector: int = 1) -> ActionOrder:
    return ActionOrder(order_id=order_id, name=name, value=value, connector=connector, ordered_s=ordered_s)


FIELDS = {
    "SetTypeContactorCycles": "contactor_cycles",
    "SetCountContactorCyclesType2UnderLoad": "contactor_load_cycles",
    "SetType2PlugCycles": "plug_cycles",
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_preset_acts_once_also_over_a_restart(name: str) -> None:
    state = ConnectorState(SOCKET, 990.0, Memory(orders_heard=True))
    book = OrderBook(1, state.memory, 990.0)
    actions = {name: order(name, "1234")}
    assert [done.name for done in book.obey(state, actions, 1001.0)] == [name]
    assert getattr(state.memory, FIELDS[name]) == 1234
    setattr(state.memory, FIELDS[name], 1300)
    assert book.obey(state, actions, 1002.0) == []
    again = ConnectorState(SOCKET, 2000.0, state.memory.copy())
    assert OrderBook(1, again.memory, 2000.0).obey(again, actions, 2001.0) == []
    assert getattr(again.memory, FIELDS[name]) == 1300


def test_an_order_given_while_the_service_was_down_is_carried_out_when_it_is_back() -> None:
    state = ConnectorState(SOCKET, 5000.0, Memory(contactor_cycles=9, orders_heard=True))
    book = OrderBook(1, state.memory, 5000.0)
    book.obey(state, {"SetTypeContactorCycles": order("SetTypeContactorCycles", "0", ordered_s=4000.0)}, 5001.0)
    assert state.memory.contactor_cycles == 0


@pytest.mark.parametrize("memory", [Memory(), unreadable()])
def test_a_new_or_lost_journal_does_not_carry_out_orders_of_long_ago(memory: Memory) -> None:
    state = ConnectorState(SOCKET, 5000.0, memory.copy())
    book = OrderBook(1, state.memory, 5000.0)
    book.obey(state, {"SetTypeContactorCycles": order("SetTypeContactorCycles", "77", ordered_s=400.0)}, 5001.0)
    assert state.memory.contactor_cycles == 0
    assert state.memory.orders == {"SetTypeContactorCycles": "o-1"}


def test_an_order_for_another_connector_is_not_ours() -> None:
    state = ConnectorState(SOCKET, 990.0, Memory(orders_heard=True, plug_cycles=5))
    book = OrderBook(1, state.memory, 990.0)
    actions = {"SetType2PlugCycles[2]": order("SetType2PlugCycles", "0", connector=2)}
    assert book.obey(state, actions, 1001.0) == []
    assert state.memory.plug_cycles == 5


@pytest.mark.parametrize("value", ["", "-1", "1e3", "many", "99999999999999999999", "\u0661"])
def test_a_value_that_is_no_count_sets_nothing(value: str) -> None:
    state = ConnectorState(SOCKET, 990.0, Memory(orders_heard=True, plug_cycles=5))
    OrderBook(1, state.memory, 990.0).obey(state, {"a": order("SetType2PlugCycles", value)}, 1001.0)
    assert state.memory.plug_cycles == 5
