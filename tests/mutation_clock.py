"""A pytest plugin for `tests/mutation.py`: a test that does not end is a test that fails."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

MOST_S = 30.0
"""Of processor time, for one test; the slowest of them takes 8 s."""


class TooLong(Exception):  # noqa: N818
    """The test has used its time."""


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong(f"more than {MOST_S:g} s of processor time")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, MOST_S)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
