"""Orders of action keys: acted on once, by a consumer that was down too, and never by one that cannot know."""

import pytest

from schemas.settings import ActionOrder, of_connector, place
from services.actions import YOUNG_S, Orders

pytestmark = pytest.mark.unit

NAMES = ("SetCount", "Release")


def order(number: int, name: str = "SetCount", connector: int = 1, ordered_s: float = 100.0) -> ActionOrder:
    return ActionOrder(order_id=f"o{number}", name=name, value="0", connector=connector, ordered_s=ordered_s)


def numbers(orders: list[ActionOrder]) -> list[str]:
    return [each.order_id for each in orders]


def test_an_order_is_given_once_however_often_the_snapshot_repeats_it() -> None:
    orders = Orders(NAMES, {}, 90.0)
    assert numbers(orders.new({"SetCount": order(1)}, 101.0)) == ["o1"]
    assert orders.new({"SetCount": order(1)}, 102.0) == []
    assert numbers(orders.new({"SetCount": order(2)}, 103.0)) == ["o2"]


def test_a_restarted_consumer_with_its_memory_neither_repeats_nor_misses_an_order() -> None:
    orders = Orders(NAMES, {}, 90.0)
    orders.new({"SetCount": order(1)}, 101.0)
    again = Orders(NAMES, orders.done, 5000.0)
    assert again.new({"SetCount": order(1)}, 5001.0) == []
    assert numbers(again.new({"SetCount": order(2)}, 5002.0)) == ["o2"]
    assert numbers(again.new({"Release": order(3, "Release", ordered_s=0.0)}, 5003.0)) == ["o3"]


@pytest.mark.parametrize(
    ("ordered_s", "now_s", "acts"),
    [(100.0, 100.0, True), (100.0, 100.0 + YOUNG_S, True), (100.0, 101.0 + YOUNG_S, False), (89.9, 91.0, False),
     (0.0, 91.0, False), (200.0, 91.0, False)],
)  # fmt: skip
def test_a_consumer_without_memory_acts_on_young_orders_of_its_own_time_only(
    ordered_s: float, now_s: float, acts: bool
) -> None:
    orders = Orders(NAMES, None, 90.0)
    assert bool(orders.new({"SetCount": order(1, ordered_s=ordered_s)}, now_s)) is acts
    assert orders.done == {"SetCount": "o1"}


def test_a_fleeting_order_is_not_done_late_even_with_a_memory() -> None:
    orders = Orders(NAMES, {}, 90.0, fleeting=("Release",))
    assert orders.new({"Release": order(1, "Release")}, 161.0) == []
    assert numbers(orders.new({"Release": order(2, "Release", ordered_s=160.0)}, 161.0)) == ["o2"]


def test_orders_of_other_consumers_and_of_other_connectors_do_not_mix() -> None:
    orders = Orders(NAMES, {}, 90.0)
    actions = {"SetCount[2]": order(2, connector=2, ordered_s=101.0), "SetCount": order(1), "Other": order(3, "Other")}
    assert numbers(orders.new(actions, 102.0)) == ["o1", "o2"]
    assert set(orders.done) == {"SetCount", "SetCount[2]"}


def test_a_connector_without_a_value_of_its_own_has_that_of_the_first() -> None:
    values = {"Limit": "16", "Limit[2]": "10"}
    assert [of_connector(values, "Limit", number) for number in (0, 1, 2, 3)] == ["16", "16", "10", "16"]
    assert of_connector(values, "Other", 2) is None
    assert (place("Limit", 0), place("Limit", 1), place("Limit", 2)) == ("Limit", "Limit", "Limit[2]")
