"""Faults of residual current and protective devices."""

from services.safety.rule import Rule

RULES: dict[str, Rule] = {}
