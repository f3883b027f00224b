"""What the backend may ask for: one table per feature profile, action -> owner's request -> answer."""

from services.ocpp_link.actions import core

PROFILES: dict[str, frozenset[str]] = {
    "Core": frozenset({*core.RULES, "DataTransfer"}),
    "RemoteTrigger": frozenset({"TriggerMessage"}),
}
"""Actions by feature profile; those of a profile missing here or in `SupportedFeatureProfiles` are not supported."""


def supported(profiles: frozenset[str]) -> frozenset[str]:
    return frozenset(action for name, actions in PROFILES.items() if name in profiles for action in actions)
