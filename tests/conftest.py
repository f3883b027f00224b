"""For all tests."""

from hypothesis import HealthCheck, settings

# how long an example takes says something about the machine and its load, nothing about the subject
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
