"""How a real board is wired: the sections `[mcu]`, `[gpio]` and `[linux]` of `$CHARGE_HOME/station.toml`.

The spelling of lines, channels and sensors is checked by `services/board_names.py`, with words for a person.

What is mounted at all (contacts, sensors, relays) stands in `[connector.N]` and `[equipment]`; these sections say
where.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=130)]
Line = Text
"""A GPIO line: its name or its number on `[gpio] chip`, or `/dev/gpiochipN:` and one of them; a leading `!` = it is
active when low."""
Channel = Text
"""A channel of an IIO device: `iio:device0/in_voltage1`, or the device's own name instead of its number."""
Pwm = Text
"""A channel of a PWM chip: `pwmchip0/1`."""
Sensor = Text
"""`hwmon:NAME/temp1`, `thermal:TYPE`, `iio:NAME/in_temp` or `w1:28-00000...`."""
Fan = Text
"""`hwmon:NAME/fan1`."""
Led = Text
"""A directory below `/sys/class/leds`."""
DeviceFile = Text
"""Below `/dev`, or another absolute path."""
Factor = Annotated[float, Meta(ge=-1000.0, le=1000.0)]
Volts = Annotated[float, Meta(ge=-100.0, le=100.0)]


class McuSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A microcontroller that owns pilot and contactor (`docs/mcu-protocol.md`)."""

    port: DeviceFile
    baud: Literal[115200, 230400, 460800, 921600] = 460800


class ScaledChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured = volts at the ADC x `factor` + `offset_v`."""

    channel: Channel
    factor: Factor = 1.0
    offset_v: Volts = 0.0


class ProximityChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resistor from `supply_v` to the proximity contact, and the ADC at the contact."""

    channel: Channel
    supply_v: Annotated[float, Meta(ge=1.0, le=24.0)] = 5.0
    pull_up_ohm: Annotated[float, Meta(ge=10.0, le=1e5)] = 330.0


class GpioConnector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pilot_pwm: Pwm
    """Drives the pilot's generator: high = +12 V."""
    pilot_inverted: bool = False
    """The stage behind the PWM inverts: high = -12 V."""
    pilot_negative: Line
    """Active = constant -12 V (state F), whatever the PWM does."""
    pilot_high: ScaledChannel
    """Filtered peak detector of the positive part."""
    pilot_low: ScaledChannel
    """Filtered peak detector of the negative part."""
    proximity: ProximityChannel | None = None
    contactor: Line
    mirror: Line | None = None
    phase_relay: Line | None = None
    """Active = L2 and L3 are connected."""
    phase_relay_feedback: Line | None = None
    lock: Line | None = None
    unlock: Line | None = None
    lock_feedback: Line | None = None
    """Active = locked."""
    lock_release: Line | None = None
    """Active = the emergency release is charged."""
    residual_dc: Line | None = None
    """Active = the module's output for 6 mA DC has tripped."""
    residual_rms: Line | None = None
    residual_error: Line | None = None
    residual_test: Line | None = None
    output_sense: tuple[ScaledChannel, ScaledChannel, ScaledChannel] | None = None
    """L1, L2, L3 behind the contactor: volts RMS."""


class GpioSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything straight on lines of this computer. A laboratory board."""

    hardware_interlock: bool = False
    chip: DeviceFile = "/dev/gpiochip0"
    """For lines that name no chip."""
    feed: Line
    """Toggled to keep the monoflop going that enables the coils."""
    debounce_s: Annotated[float, Meta(ge=0.0, le=0.02)] = 0.002
    """Of inputs, in the kernel."""
    connector: dict[str, GpioConnector] = {}
    inputs: dict[str, Line] = {}
    """By the names of `[equipment] inputs`; active = current flows."""
    outputs: dict[str, Line] = {}
    """By the names of `[equipment] outputs`."""


class LedSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The light of one connector: one LED with several colours, or one LED per colour."""

    multi: Led | None = None
    red: Led | None = None
    green: Led | None = None
    blue: Led | None = None


class LinuxSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a real board reads and shows through drivers of Linux, whoever owns its contactor."""

    watchdog: DeviceFile | None = None
    """Fed while `safety` runs and its hardware answers; when it is not, the computer is reset."""
    watchdog_s: Annotated[int, Meta(ge=2, le=600)] = 15
    temperatures: dict[str, Sensor] = {}
    """By the names of `[equipment] temperatures`."""
    fan: Fan | None = None
    leds: dict[str, LedSection] = {}
    """By connector number."""
