"""For all tests."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

# how long an example takes says something about the machine and its load, nothing about the subject
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "the same each time",
    settings.get_profile("unhurried"),
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Process tests wait most of their time: they come first, so that one worker waits while the others compute."""
    items.sort(key=lambda item: item.get_closest_marker("process") is None)
