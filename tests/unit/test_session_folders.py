"""The folders of `session` import only downwards, in the order its README lists."""

import pytest

from tests.folders import Folders

pytestmark = pytest.mark.unit

SERVICE = Folders("session")
IMPURE = {"time", "zmq", "asyncio", "socket", "sqlite3"}
MAY_TOUCH_SQLITE = {"transactions/journal.py", "authorization/journal.py", "availability/journal.py"}


def test_every_part_has_a_place_in_the_order() -> None:
    assert SERVICE.parts == set(SERVICE.order)


@pytest.mark.parametrize("name", SERVICE.files)
def test_a_folder_imports_only_downwards(name: str) -> None:
    assert SERVICE.upward_imports(name) == []


@pytest.mark.parametrize("name", SERVICE.files)
def test_rules_know_no_clock_no_socket_and_no_database(name: str) -> None:
    allowed = {"sqlite3"} if name in MAY_TOUCH_SQLITE else set()
    assert not {module.split(".")[0] for module in SERVICE.imported(name)} & (IMPURE - allowed)


def test_files_stay_short() -> None:
    assert SERVICE.lines("station.py") < 200
    assert {name: SERVICE.lines(name) for name in SERVICE.files if SERVICE.lines(name) > 260} == {}
