"""How long there has been no connection, and from when on that counts."""

import math

import pytest

from services.session.outage import OUTAGE_S, Outage

pytestmark = pytest.mark.unit


def test_an_outage_counts_after_half_a_minute_and_ends_at_once() -> None:
    outage = Outage(0.0)
    outage.look(True, 5.0)
    assert outage.due_s(5.0) == math.inf
    outage.look(False, 100.0)
    outage.look(False, 110.0)
    assert outage.due_s(110.0) == 100.0 + OUTAGE_S
    assert not outage.lasts(99.9 + OUTAGE_S)
    assert outage.lasts(100.0 + OUTAGE_S)
    assert outage.due_s(100.0 + OUTAGE_S) == math.inf
    outage.look(True, 140.0)
    assert not outage.lasts(1000.0)


def test_a_service_that_has_heard_nothing_counts_from_its_start() -> None:
    outage = Outage(50.0)
    outage.look(False, 51.0)
    assert not outage.lasts(79.9)
    assert outage.lasts(80.0)
