"""Random cars, faults, settings and restarts, for as long as it takes to believe it."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.safety_machine import AnyStation

pytestmark = [pytest.mark.bench, pytest.mark.long]


class ALongTime(AnyStation):
    """The same machine, with a larger profile."""


TestALongTime = ALongTime.TestCase
TestALongTime.settings = settings(
    max_examples=600,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
