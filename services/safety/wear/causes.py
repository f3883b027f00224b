"""Faults of wear."""

from services.safety.rule import Rule

RULES: dict[str, Rule] = {}
