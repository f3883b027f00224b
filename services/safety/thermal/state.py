"""What is known of temperatures between two steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.safety.region import Region

NEVER_TOLD_S = -1e9


@dataclass(slots=True)
class ThermalState(Region):
    celsius: Mapping[str, float] = field(default_factory=dict)
    """By sensor, only those whose reading is good now. Replaced, never changed."""
    housing_c: float | None = None
    """What the thresholds are compared with; None = no sensor tells it."""
    sensor_lost: bool = False
    """A sensor that guards something does not answer."""
    blind: bool = False
    """No sensor has told the housing's temperature, or not for long enough again."""
    reduced: bool = False
    """At TempReduceThreshold1 or above, and not yet cooled down."""
    hot: bool = False
    """At TempStopThreshold2 or above, and not yet cooled down."""
    over: bool = False
    """At the safety limit or above, and not yet cooled down."""
    relay_over: bool = False
    plug_over: bool = False
    fan_stuck: bool = False
    fan_turned_s: float = NEVER_TOLD_S
    """Stamp of the newest sample with a turning fan."""
    climate: bool = False
    """This connector wants the fan or the heater."""
    climate_since_s: float = NEVER_TOLD_S
    told: str = ""
    """The notice of the last change: "" nominal, "reduced", "paused"."""
    reported: tuple[float | None, float | None] | None = None
    """Temperatures of board and card reader as last told; None = never."""
    reported_s: float = NEVER_TOLD_S

    def begin(self, now_s: float) -> None:  # noqa: ARG002
        """Readings count anew. What was hot stays hot until a sensor has shown that it is not."""
        self.celsius, self.housing_c, self.fan_turned_s = {}, None, NEVER_TOLD_S
