"""For all tests."""

import os

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
