"""The parts of `message_queue` import only downwards, in the order its README lists, and its rules touch nothing."""

import pytest

from tests.folders import Folders

pytestmark = pytest.mark.unit

SERVICE = Folders("message_queue")
WORLD = {"time", "zmq", "asyncio", "socket", "sqlite3", "hardware", "os", "pathlib"}
MAY_TOUCH_SQLITE = {"storage/journal.py", "storage/records.py"}
RULES = [name for name in SERVICE.files if name.startswith("rules/")]
PURE = [*RULES, "books/status_book.py", "books/notice_book.py", "books/volatile.py", "keys.py"]


def test_every_part_has_a_place_in_the_order() -> None:
    assert SERVICE.parts == set(SERVICE.order)


@pytest.mark.parametrize("name", SERVICE.files)
def test_a_part_imports_only_downwards(name: str) -> None:
    assert SERVICE.upward_imports(name) == []


@pytest.mark.parametrize("name", SERVICE.files)
def test_no_other_service_is_imported(name: str) -> None:
    shared = {"runner", "opening", "store", "store_errors", "store_rows", "clock", "message_queue"}
    others = {module.split(".")[1] for module in SERVICE.imported(name) if module.startswith("services.")}
    assert others <= shared


@pytest.mark.parametrize("name", PURE)
def test_a_rule_touches_nothing(name: str) -> None:
    imported = SERVICE.imported(name)
    assert not {module.partition(".")[0] for module in imported} & WORLD
    of_the_bus = {module for module in imported if module.startswith("bus.")}
    assert of_the_bus <= {"bus.handover", "bus.handover.Outcome"}


@pytest.mark.parametrize("name", sorted(set(SERVICE.files) - MAY_TOUCH_SQLITE))
def test_only_the_store_knows_sqlite(name: str) -> None:
    assert "sqlite3" not in SERVICE.imported(name)


def test_files_stay_short() -> None:
    assert SERVICE.lines("station.py") < 200
    assert {name: SERVICE.lines(name) for name in SERVICE.files if SERVICE.lines(name) > 250} == {}
