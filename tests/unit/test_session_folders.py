"""The folders of `session` import only downwards, in the order its README lists."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2] / "services" / "session"
IMPURE = {"time", "zmq", "asyncio", "socket", "sqlite3"}
MAY_TOUCH_SQLITE = {"transactions/journal.py", "authorization/journal.py", "availability/journal.py"}


def order() -> list[str]:
    line = re.search(r"^Imports downwards: (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line is not None
    return re.findall(r"`([a-z_]+)`", line.group(1))


def place(module: str) -> str:
    """The part of `session` that a module belongs to: `services.session.store` -> store."""
    return module.split(".")[2]


def imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "services.session":
                names += [f"services.session.{alias.name}" for alias in node.names]
            else:
                names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def test_every_part_has_a_place_in_the_order() -> None:
    parts = {name.split("/")[0].removesuffix(".py") for name in FILES}
    assert parts == set(order())


@pytest.mark.parametrize("name", FILES)
def test_a_folder_imports_only_downwards(name: str) -> None:
    parts = order()
    own = parts.index(name.split("/")[0].removesuffix(".py"))
    for module in imported(ROOT / name):
        if module.startswith("services.session."):
            assert parts.index(place(module)) >= own, f"{name} imports {module}, which stands above it"


@pytest.mark.parametrize("name", FILES)
def test_rules_know_no_clock_no_socket_and_no_database(name: str) -> None:
    allowed = {"sqlite3"} if name in MAY_TOUCH_SQLITE else set()
    assert not {module.split(".")[0] for module in imported(ROOT / name)} & (IMPURE - allowed)


def test_files_stay_short() -> None:
    longest = {name: len((ROOT / name).read_text().splitlines()) for name in FILES}
    assert longest["station.py"] < 200
    assert {name: lines for name, lines in longest.items() if lines > 260} == {}
