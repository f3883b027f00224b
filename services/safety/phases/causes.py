"""Faults of the relay of L2 and L3."""

from services.safety.rule import Rule

RULES: dict[str, Rule] = {}
