"""Faults of voltage and current."""

from services.safety.rule import Rule

RULES: dict[str, Rule] = {}
