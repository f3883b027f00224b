"""Faults of temperature."""

from services.safety.rule import Rule

RULES: dict[str, Rule] = {}
