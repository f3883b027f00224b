"""Who may import whom (design: schemas <- bus <- services, hardware <- services), and what rules may not touch.

A module below `services/<owner>/` is pure, unless its name is in ADAPTERS: those talk to the world outside. Pure ones
take values and times and give values. A service's own object (`station.py`) counts as pure, or the virtual station
could not turn its clock. `world` is excepted as a whole: it is simulated hardware, not a service that decides.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]

ADAPTERS = {
    "__main__": "wires a service",
    "dial": "opens a connection",
    "journal": "writes a file in a thread of its own, or rows of a store",
    "modbus": "talks to meters",
    "mqtt": "talks to a broker",
    "opening": "opens the database file, or says why it cannot be opened",
    "records": "rows of a store",
    "rpc": "talks to supervisord",
    "store": "owns the database file",
    "tls": "builds what a secure connection checks",
    "uplink": "watches the network",
    "websocket": "talks to a backend",
}
FORBIDDEN = {
    "asyncio", "multiprocessing", "paho", "pymodbus", "queue", "select", "selectors", "serial", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "threading", "time", "websockets", "zmq",
}  # fmt: skip
"""What a rule has no business with."""
PURE_BUS = ("clock", "describe", "endpoint", "envelope", "handover", "ids", "memory", "requests", "streams", "topics")
LAYERS = {
    "schemas": {"schemas"},
    "bus": {"schemas", "bus"},
    "hardware": {"schemas", "hardware"},
    "services": {"schemas", "bus", "hardware", "services"},
}
"""Of our own packages, what each may import."""
OURS = {*LAYERS, "chargectl", "tests"}


def modules(package: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, by its dotted name; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively: write the whole name"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_file(dotted: str) -> bool:
    return (ROOT / Path(*dotted.split("."))).with_suffix(".py").is_file()


def owner_of(path: Path) -> str:
    """The service a file belongs to; empty for what all services share."""
    return path.parts[1] if len(path.parts) > 2 else ""


def is_pure(path: Path) -> bool:
    owner = owner_of(path)
    return owner not in ("", "world") and path.stem not in ADAPTERS


PURE = [pytest.param(path, id=str(path)) for path in modules("services") if is_pure(path)]


@pytest.mark.parametrize("package", sorted(LAYERS))
def test_imports_go_only_down(package: str) -> None:
    wrong = [
        f"{path} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.split(".")[0] in OURS - LAYERS[package]
    ]
    assert wrong == []


def test_services_never_import_each_other() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}
    wrong = [
        f"{path} imports {name}"
        for path in modules("services")
        for name in imports(path)
        if name.startswith("services.") and name.split(".")[1] in folders - {owner_of(path)}
    ]
    assert wrong == []


@pytest.mark.parametrize("path", PURE)
def test_rules_touch_neither_clock_nor_threads_nor_wires_nor_files_of_databases(path: Path) -> None:
    assert [name for name in imports(path) if name.split(".")[0] in FORBIDDEN] == []


@pytest.mark.parametrize("path", PURE)
def test_rules_know_the_hardware_only_by_its_values(path: Path) -> None:
    names = [name for name in imports(path) if name.split(".")[0] == "hardware"]
    assert [name for name in names if not name.startswith("hardware.interfaces") and name != "hardware"] == []


@pytest.mark.parametrize("name", PURE_BUS)
def test_the_bus_itself_is_pure_but_for_its_sockets_and_files(name: str) -> None:
    assert [each for each in imports(Path("bus", f"{name}.py")) if each.split(".")[0] in FORBIDDEN] == []


def test_every_module_of_the_bus_is_judged() -> None:
    names = {path.stem for path in modules("bus")}
    assert names == {*PURE_BUS, "__init__", "socket", "recorder"}


def test_zeromq_is_used_in_one_file() -> None:
    users = [str(path) for package in LAYERS for path in modules(package) if "zmq" in imports(path)]
    assert users == ["bus/socket.py"]


def test_schemas_need_nothing_but_msgspec() -> None:
    allowed = {"schemas", "msgspec", "enum", "typing"}
    wrong = {name for path in modules("schemas") for name in imports(path) if name.split(".")[0] not in allowed}
    assert wrong == set()


def test_the_simulated_site_reads_no_clock_and_no_wire() -> None:
    wrong = [
        f"{path} imports {name}"
        for path in modules("hardware/sim/site")
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import time", {"time"}),
        ("def f():\n    from services.session import store", {"services.session", "services.session.store"}),
        ("if True:\n    import zmq.asyncio as z", {"zmq.asyncio"}),
    ],
)
def test_imports_are_found_wherever_they_stand(text: str, expected: set[str], tmp_path: Path) -> None:
    """So that none of these tests is green for having seen nothing."""
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    assert set(imports(tmp_path / "module.py")) == expected


def test_something_is_judged_at_all() -> None:
    assert len(PURE) > 40
    assert all(is_file(f"services.{owner}.station") for owner in ("safety", "session", "metering"))
