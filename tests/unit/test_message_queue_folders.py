"""The files of `message_queue` import only downwards, in the order its README lists, and its rules touch nothing."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2] / "services" / "message_queue"
WORLD = {"time", "zmq", "asyncio", "socket", "sqlite3", "hardware", "os", "pathlib"}
RULES = (
    "policy", "attempts", "numbering", "composing", "answers", "status_book", "notice_book", "volatile", "message",
    "keys",
)  # fmt: skip
MAY_TOUCH_SQLITE = {"journal", "records", "opening"}
FILES = sorted(path.stem for path in ROOT.glob("*.py") if path.stem != "__init__")


def order() -> list[str]:
    line = re.search(r"^Imports downwards: (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line is not None
    return re.findall(r"`([a-z_]+)`", line.group(1))


def imported(name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_file_has_a_place_in_the_order() -> None:
    assert sorted(order()) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_only_downwards(name: str) -> None:
    parts = order()
    for module in imported(name):
        inner = module.removeprefix("services.message_queue.").partition(".")[0]
        if module.startswith("services.message_queue.") and inner in parts:
            assert parts.index(inner) > parts.index(name), f"{name} imports {inner}, which stands above it"


@pytest.mark.parametrize("name", FILES)
def test_no_other_service_is_imported(name: str) -> None:
    shared = {"runner", "store", "store_errors", "clock", "message_queue"}
    others = {module.split(".")[1] for module in imported(name) if module.startswith("services.")}
    assert others <= shared


@pytest.mark.parametrize("name", RULES)
def test_a_rule_touches_nothing(name: str) -> None:
    assert not {module.partition(".")[0] for module in imported(name)} & WORLD
    assert not {module for module in imported(name) if module.startswith("bus.") and module != "bus.handover"} - {
        "bus.handover.Outcome"
    }


@pytest.mark.parametrize("name", sorted(set(FILES) - MAY_TOUCH_SQLITE))
def test_only_the_store_knows_sqlite(name: str) -> None:
    assert "sqlite3" not in imported(name)


def test_files_stay_short() -> None:
    sizes = {name: len((ROOT / f"{name}.py").read_text().splitlines()) for name in FILES}
    assert sizes["station"] < 200
    assert max(sizes.values()) <= 250
