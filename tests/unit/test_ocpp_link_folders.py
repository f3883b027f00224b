"""Where the rules of `ocpp_link` stand: nothing in them touches the world, and imports go downwards."""

import pytest

from tests.folders import Folders

pytestmark = pytest.mark.unit

SERVICE = Folders("ocpp_link")
ADAPTERS = {"validators", "memory", "uplink", "tls", "dial", "websocket", "__main__"}
PURE = [name for name in SERVICE.files if name.removesuffix(".py") not in ADAPTERS]
WORLD = {"time", "zmq", "asyncio", "socket", "ssl", "sqlite3", "hardware", "threading", "os", "pathlib", "websockets"}


def test_every_part_has_a_place_in_the_order() -> None:
    assert SERVICE.parts == set(SERVICE.order)


@pytest.mark.parametrize("name", SERVICE.files)
def test_a_part_imports_only_downwards(name: str) -> None:
    assert SERVICE.upward_imports(name) == []


@pytest.mark.parametrize("name", PURE)
def test_a_rule_does_not_touch_the_world(name: str) -> None:
    assert not {module.partition(".")[0] for module in SERVICE.imported(name)} & WORLD


def test_files_stay_short() -> None:
    assert SERVICE.lines("station.py") < 200
    assert {name: SERVICE.lines(name) for name in SERVICE.files if SERVICE.lines(name) > 250} == {}
