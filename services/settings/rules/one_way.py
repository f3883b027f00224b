"""Changes that cannot be undone. Pure."""

from collections.abc import Callable

from services.settings.rules.problem import Problem, Problems, Values, number

LOCKED = "locked"
OneWay = Callable[[Values, Values], Problems]
"""Gets the set in force and the one that is wanted."""


def profile_only_upwards(now: Values, wanted: Values) -> Problems:
    """Security whitepaper: a lower profile than the one in use is refused."""
    before, after = number(now, "SecurityProfile"), number(wanted, "SecurityProfile")
    if before is not None and after is not None and after < before:
        yield Problem(
            ("SecurityProfile",), f"SecurityProfile is {before:g} and can only be raised, not set to {after:g}"
        )


def locked_stays_locked(now: Values, wanted: Values) -> Problems:
    """The guide: the option 'IEC62752' is permanently disabled from then on."""
    for where, value in now.items():
        if where.startswith("RCMBIEC62955Mode") and LOCKED in value and wanted.get(where) != value:
            yield Problem((where,), f"{where} is {value}: it was locked on purpose and stays so")


RULES: tuple[OneWay, ...] = (profile_only_upwards, locked_stays_locked)
