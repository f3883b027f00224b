"""Every row of the fault-injection table has a test of its own on the virtual station, with its number in its name."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
ROWS = range(1, 89)
NOT_BUILT: dict[int, str] = {}
"""Rows of the table without a test, and why. A row that can be tested does not belong here."""
NAME = re.compile(r"^def test_f(\d+)((?:_(?:and_|to_)?f\d+)*)_", re.MULTILINE)


def rows_with_tests() -> dict[int, list[str]]:
    """By number of the row: where it is tested. A name may have several numbers: test_f65_f66_..."""
    found: dict[int, list[str]] = {}
    for file in sorted((ROOT / "tests" / "virtual").glob("test_*.py")):
        for first, more in NAME.findall(file.read_text(encoding="utf-8")):
            for number in (first, *re.findall(r"f(\d+)", more)):
                found.setdefault(int(number), []).append(file.name)
    return found


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NOT_BUILT])
def test_the_row_has_a_test_on_the_virtual_station(row: int) -> None:
    assert row in rows_with_tests(), f"no test_f{row}_... in tests/virtual"


def test_no_test_has_the_number_of_a_row_that_does_not_exist() -> None:
    assert set(rows_with_tests()) <= set(ROWS)


def test_a_row_that_is_tested_is_not_excused() -> None:
    assert not set(rows_with_tests()) & set(NOT_BUILT)
