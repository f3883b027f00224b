"""The plug-in that makes supervisord look at once."""

import os
import time
from types import SimpleNamespace

import pytest

from chargectl.supervisor_wake import LONGEST_BACK_OFF_S, PASSES, Wake, hold_back_off

pytestmark = pytest.mark.unit


def waiting(wake: Wake) -> bool:
    import select

    return bool(select.select([wake.fileno()], [], [], 0)[0])


def passes(wake: Wake) -> int:
    """How often supervisord's poll would come back at once."""
    count = 0
    while waiting(wake):
        wake.handle_read_event()
        count += 1
        assert count < 20, "it never rests: supervisord would burn the processor"
    return count


def test_a_signal_makes_two_passes_and_then_it_rests() -> None:
    wake = Wake()
    os.write(wake._write, bytes([17]))
    assert passes(wake) == 2, "one reaps the ended process, the next one starts it again"
    assert passes(wake) == 0
    os.write(wake._write, bytes([17, 17, 15]))
    assert passes(wake) == PASSES


def test_a_wish_for_one_more_pass_ends_by_itself() -> None:
    wake = Wake()
    wake.again()
    assert 1 <= passes(wake) <= PASSES


def test_the_back_off_is_held_however_often_a_service_crashes() -> None:
    process = SimpleNamespace(backoff=0, delay=0.0)
    for _ in range(50):
        process.backoff += 1
        process.delay = time.time() + process.backoff
        hold_back_off(SimpleNamespace(process=process))
        assert process.delay - time.time() <= LONGEST_BACK_OFF_S
        assert process.backoff == 1
