"""Where the rules stand: nothing in them touches the world, and imports go downwards."""

import ast
from pathlib import Path

import pytest

import services.ocpp_link

pytestmark = pytest.mark.unit
FOLDER = Path(services.ocpp_link.__file__).parent
PURE = (
    "url", "trust", "watchdog", "codec", "endpoint", "registration", "heartbeat", "reconnect", "keep_alive",
    "backend_time", "keys",
    "actions/rule", "actions/core", "actions/data_transfer",
    "actions/remote_trigger", "line", "offers", "asked", "own_calls", "wanted", "told",
    "station", "connection",
)  # fmt: skip
WORLD = {"time", "zmq", "asyncio", "socket", "ssl", "sqlite3", "hardware", "threading", "os", "pathlib", "websockets"}
ORDER = (
    "url", "trust", "connection", "codec", "validators", "endpoint", "registration", "heartbeat", "backend_time",
    "reconnect", "keep_alive", "watchdog", "keys", "actions/rule", "actions/core", "actions/data_transfer",
    "actions/remote_trigger", "actions",
    "line", "asked", "offers", "own_calls", "wanted", "told", "memory", "uplink", "tls", "dial", "websocket", "station",
    "__main__",
)  # fmt: skip


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", PURE)
def test_a_rule_does_not_touch_the_world(name: str) -> None:
    roots = {module.partition(".")[0] for module in imports(FOLDER / f"{name}.py")}
    assert not roots & WORLD


def module_name(path: Path) -> str:
    name = str(path.relative_to(FOLDER).with_suffix(""))
    return name.removesuffix("/__init__") if name != "__init__" else ""


def test_imports_go_downwards_in_the_order_of_the_readme() -> None:
    files = {module_name(path): path for path in FOLDER.rglob("*.py") if module_name(path)}
    assert set(files) == set(ORDER), "a new file has its place in ORDER and in the README"
    for name, path in files.items():
        for module in imports(path):
            inner = module.removeprefix("services.ocpp_link.").replace(".", "/")
            if module.startswith("services.ocpp_link.") and inner in ORDER and inner != name:
                assert ORDER.index(inner) < ORDER.index(name), f"{name} imports {inner}"


def test_station_stays_small_and_the_others_too() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.rglob("*.py")}
    assert sizes["station.py"] < 200
    assert max(sizes.values()) <= 250
