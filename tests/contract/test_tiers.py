"""A tier is a mark and a folder: `./test unit` collects only the folder."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract
TESTS = Path(__file__).resolve().parents[1]
TIERS = {"unit", "contract", "bench", "virtual", "process"}
OF_FOLDER = {"conformance": "virtual"} | {tier: tier for tier in TIERS}


def test_every_test_has_the_mark_of_its_folder() -> None:
    for path in TESTS.rglob("test_*.py"):
        marks = set(re.findall(r"pytest\.mark\.(\w+)", path.read_text(encoding="utf-8"))) & TIERS
        assert marks == {OF_FOLDER[path.parent.name]}, path


def test_every_tier_can_be_asked_for() -> None:
    script = (TESTS.parent / "test").read_text(encoding="utf-8")
    for folder, tier in OF_FOLDER.items():
        assert tier in script
        assert f"tests/{folder}" in script or "tests/$word" in script
