"""Every effective key is tied to the code that acts on it, and to a test that shows its effect."""

import ast
from functools import cache
from pathlib import Path

import pytest

from services.settings.files import schema_text
from services.settings.table import KEYS, Key
from tests.settings_effects import EFFECTS

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[2]
EFFECTIVE = {name: key for name, key in KEYS.items() if key.consumers}
EVERYWHERE = ("runner.py", "log.py")
"""Code that every service runs."""


@cache
def _texts_of(consumer: str) -> frozenset[str]:
    """Every text constant in the code of a service; the table itself does not count."""
    files = [path for path in (ROOT / "services" / consumer).rglob("*.py") if "table" not in path.parts]
    files += [ROOT / "services" / name for name in EVERYWHERE]
    texts: set[str] = set()
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return frozenset(texts)


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("key", EFFECTIVE.values(), ids=list(EFFECTIVE))
def test_an_effective_key_stands_in_the_code_of_each_consumer(key: Key) -> None:
    for consumer in key.consumers:
        assert key.name in _texts_of(consumer), f"services/{consumer} does not read {key.name}"


@pytest.mark.parametrize("name", EFFECTIVE)
def test_an_effective_key_has_a_test_that_shows_its_effect(name: str) -> None:
    assert name in EFFECTS, f"add a line for {name} to tests/settings_effects.py"
    path, _, test = EFFECTS[name].partition("::")
    assert (ROOT / "tests" / path).is_file(), path
    assert test in _tests_in(path), f"{path} has no {test}"
    assert test.startswith("test_")


def test_no_line_is_left_of_a_key_without_effect() -> None:
    assert set(EFFECTS) <= set(EFFECTIVE), "a key with a test of its effect has consumers in the table"


def test_a_key_of_an_absent_feature_acts_nowhere() -> None:
    assert [key.name for key in KEYS.values() if key.absent and key.consumers] == []


def test_the_schema_of_the_file_of_settings_is_up_to_date() -> None:
    kept = (ROOT / "docs" / "settings.schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(), "run: python -m services.settings.files > docs/settings.schema.json"
