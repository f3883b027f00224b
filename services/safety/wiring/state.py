"""What the rules of the wiring remember of one connector."""

from dataclasses import dataclass, field, replace

from services.safety.region import Region, SwitchSight


@dataclass(slots=True)
class WiringState(Region):
    contacts: dict[str, SwitchSight] = field(default_factory=dict)
    """By name of the input: closed = the contact is active."""
    readbacks: dict[str, SwitchSight] = field(default_factory=dict)
    """Of the outputs in the path of power, by name: closed = the pin is on."""
    series: bool = False
    """The second contactor in series shall be closed."""
    series_s: float = 0.0
    """When that changed last."""
    barred: str = ""
    """Why it stays open whatever is wanted here, for a person; empty = nothing speaks against it."""

    out_of_service: str = ""
    """Why the domestic socket is no connector now; empty = it is one, or this is none."""
    trouble_s: float | None = None
    """Since when the driver has had trouble with its hardware."""

    def copy(self) -> "WiringState":
        contacts = {name: sight.copy() for name, sight in self.contacts.items()}
        readbacks = {name: sight.copy() for name, sight in self.readbacks.items()}
        return replace(self, contacts=contacts, readbacks=readbacks)

    def begin(self, now_s: float) -> None:
        self.contacts, self.readbacks = {}, {}
        self.series, self.series_s, self.barred = False, now_s, ""
        self.trouble_s = None
