"""Random cars, faults, settings and restarts: a small share of what `./test --all` plays."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.safety_machine import AnyStation

pytestmark = pytest.mark.bench

TestAnyStation = AnyStation.TestCase
TestAnyStation.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a failure prints its steps; shrinking one takes minutes
    suppress_health_check=list(HealthCheck),
)
