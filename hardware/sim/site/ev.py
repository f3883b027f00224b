"""One vehicle, as `plug_in` describes it."""

from typing import Annotated

from msgspec import Meta, Struct

DRAWS_AFTER_VOLTAGE_S = 0.5


class Ev(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vehicle, as `plug_in` describes it."""

    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    max_current_a: Annotated[float, Meta(ge=6.0, le=80.0)] = 32.0
    ready_after_s: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 1.0
    """From the first offer to the closing of S2."""
    battery_wh: Annotated[float, Meta(ge=1.0, le=1e6)] = 60_000.0
    soc_percent: Annotated[float, Meta(ge=0.0, le=100.0)] = 40.0
    obeys_pwm: bool = True
    """False: draws its maximum whatever is offered, and ignores the end of the offer."""
    simplified: bool = False
    """No S2 control: asks for power as soon as it is plugged in."""
    needs_ventilation: bool = False
    """Asks for state D."""
    asleep: bool = False
    """Ignores every offer until its pilot was without level, or in state E or F, for 4 s."""
    opens_s2_after_s: Annotated[float, Meta(ge=0.0, le=600.0)] = 0.0
    """After the end of an offer; 0 = as soon as its current is down, within 3 s as the standard asks."""
    draws_after_s: Annotated[float, Meta(ge=0.5, le=600.0)] = DRAWS_AFTER_VOLTAGE_S
    """After voltage came, or came on other phases than before."""
    standby_a: Annotated[float, Meta(ge=0.0, le=6.0)] = 0.0
    """Drawn from one phase while there is voltage and it does not charge."""
    mac: Annotated[str, Meta(max_length=17)] = ""
