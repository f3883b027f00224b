"""Before supervisord forks, the holes of its heap are filled."""

import re
import subprocess
import sys

import pytest

from chargectl.heap_holes import MOST_SMALL, SMALL_SIZES, _block, fill

pytestmark = pytest.mark.unit

HOLES = """
import sys
from chargectl.heap_holes import fill
scattered = [bytes(size) for size in range(480) for _ in range(60)]
del scattered[::2]
sys._debugmallocstats()
kept = fill() if sys.argv[1] == "filled" else ()
sys.stderr.write("====")
sys._debugmallocstats()
"""


def free_blocks(statistics: str) -> dict[int, int]:
    """By size: blocks in pools that are in use already."""
    rows = re.findall(r"^ +\d+ +(\d+) +\d+ +\d+ +(\d+)$", statistics, re.MULTILINE)
    return {int(size): int(free) for size, free in rows}


def test_what_fills_a_size_has_that_size_and_is_bounded() -> None:
    for size in SMALL_SIZES:
        assert size - 16 < sys.getsizeof(_block(size, 3)) <= size
    assert len(fill()) <= MOST_SMALL * len(SMALL_SIZES)


@pytest.mark.parametrize("how", ["filled", "left"])
def test_after_it_hardly_a_block_is_free_between_others(how: str) -> None:
    done = subprocess.run([sys.executable, "-c", HOLES, how], capture_output=True, text=True, timeout=60, check=True)
    before, after = (free_blocks(part) for part in done.stderr.split("===="))
    pool = {size: 16 * 1024 // size for size in before}
    many = [size for size in before if before[size] > 2 * pool[size]]
    still = [size for size in many if after[size] > pool[size]]
    assert len(many) > 3, before
    assert (still == []) is (how == "filled"), {size: (before[size], after[size]) for size in many}
