"""What is known of residual current, RCD and circuit breaker between two steps."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from services.safety.region import Region

NEVER_S = -1e9


class Test(Enum):
    """How far the self-test of the module has come."""

    IDLE = "idle"
    ON = "on"
    """The test winding is driven: both outputs must trip."""
    OFF = "off"
    """It is released: both outputs must clear."""


class Contact(NamedTuple):
    """An input that watches a protective device."""

    active: bool
    stamp_s: float
    """Of the newest sample."""
    run_start_s: float
    """Of the first sample that said the same."""


class Neighbour(NamedTuple):
    """What another connector of the station says of itself: the recloser is one for all."""

    connector: int
    dead: bool
    """Its output stays dead when the RCD is closed."""
    by_dc: bool = False
    """A direct current may have opened its RCD."""
    rcd_open: bool = False
    """It sees a tripped RCD, and RCDAUTORECLOSURE is on."""
    reclosures: int = 0
    """How often that was tried."""
    closing: bool = False
    """It drives the recloser."""


@dataclass(slots=True)
class ResidualState(Region):
    # the module
    stamp_s: float = -1.0
    """Of the newest sample, boot clock."""
    impossible: bool = False
    """The newest sample cannot be: a value out of range, or a stamp from the future."""
    dc_ma: float | None = None
    """None = not measured, or not read."""
    rms_ma: float | None = None
    dc_tripped_s: float | None = None
    """Stamp of the first sample of the present trip."""
    rms_tripped_s: float | None = None
    device_error: bool = False
    # its self-test
    test: Test = Test.IDLE
    test_s: float = 0.0
    """When the present part of the test began."""
    test_ended_s: float = NEVER_S
    test_wanted: bool = True
    test_failed: bool = False
    test_next_s: float = NEVER_S
    # values
    transaction: str = ""
    max_dc_ma: float = 0.0
    """Of the present transaction, or of the last one."""
    max_rms_ma: float = 0.0
    told_dc_ma: float = 0.0
    told_rms_ma: float = 0.0
    told_s: float = NEVER_S
    rms_told: bool = False
    """The backend knows of the present trip of the RMS output, which stops nothing."""
    # protective devices
    contacts: dict[str, Contact] = field(default_factory=dict)
    """By name of the input."""
    meter_answers: bool | None = None
    """As `metering` says; None = it has not spoken."""
    rcd_open_s: float | None = None
    """Since when the RCD is seen tripped."""
    rcd_closed_s: float = 0.0
    """Since when it is not."""
    dc_fault_s: float = NEVER_S
    """When a direct current fault was active last."""
    attempt_s: float = 0.0
    """When it is closed again, at the earliest."""
    pulse_s: float | None = None
    """The output that closes it is driven since then."""
    pulsed_s: float = NEVER_S
    """When it was driven last, here or for another connector."""
    reset_ordered: bool = False
    reset_s: float | None = None
    """When somebody ordered a reset that is still to be carried out."""

    @property
    def testing(self) -> bool:
        return self.test is not Test.IDLE

    def copy(self) -> "ResidualState":
        return replace(self, contacts=dict(self.contacts))

    def begin(self, now_s: float) -> None:
        self.stamp_s, self.impossible, self.dc_ma, self.rms_ma = -1.0, False, None, None
        self.dc_tripped_s = self.rms_tripped_s = None
        self.device_error = False
        self.test, self.test_wanted, self.test_next_s = Test.IDLE, True, NEVER_S
        self.contacts, self.meter_answers = {}, None
        self.rcd_open_s, self.rcd_closed_s, self.pulse_s = None, now_s, None
        self.reset_s = None
