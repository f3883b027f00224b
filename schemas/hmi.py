"""What `hmi` says: cards, lights, display."""

from schemas.base import Message, Open, Request
from schemas.units import BootSeconds, IdTag


class CardPresented(Message, frozen=True, kw_only=True):
    """`hmi.card`: a card was held to a reader. `presentation_id` tells a repeat from a second swipe."""

    presentation_id: str
    id_tag: IdTag
    reader: str
    presented_s: BootSeconds
    connectors: tuple[int, ...] = ()
    """The connectors this reader serves; empty = all."""


class LightPattern(Open):
    """What the front LED shows."""

    UNKNOWN = "unknown"
    OFF = "off"
    READY = "ready"
    """Steady green."""
    WAITING_FOR_VEHICLE = "waiting for vehicle"
    """Fast blue: a card was accepted, no vehicle yet."""
    WAITING_FOR_CARD = "waiting for card"
    """Slow green: a vehicle is connected, nobody is authorized yet."""
    CHARGING = "charging"
    """Blinking blue."""
    SUSPENDED = "suspended"
    """Steady blue."""
    FINISHING = "finishing"
    """Steady green and blue."""
    REJECTED = "rejected"
    """Fast green, yellow and blue, for 3 s."""
    RESERVED = "reserved"
    """Steady yellow."""
    UNAVAILABLE = "unavailable"
    """All steady."""
    FAULT = "fault"
    """Steady red."""


class HmiConnector(Message, frozen=True, kw_only=True):
    """`hmi.connector/N`: what a person in front of this connector sees."""

    connector: int
    light: LightPattern
    display: tuple[str, ...]
    """Lines of the display, each at most 16 characters (the character module of the controller family)."""


class LightTestRequest(Request, frozen=True, kw_only=True):
    """`hmi.light_test`: every light shows red, green and blue for a second each."""
