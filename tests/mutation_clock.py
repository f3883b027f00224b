"""A pytest plugin for `tests/mutation.py`: a test that does not end, or that fills the memory, is a test that fails."""

import resource
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

MOST_S = 30.0
"""Of processor time, for one test; the slowest of them takes 8 s."""
MOST_IN_ALL_S = 400
MOST_BYTES = 2**31


class TooLong(BaseException):
    """The test has used its time. No Exception: the core catches those."""


def pytest_configure() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_IN_ALL_S, MOST_IN_ALL_S + 10))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong(f"more than {MOST_S:g} s of processor time")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, MOST_S, 1.0)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
