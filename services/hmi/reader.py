"""From what a reader delivers to a card that counts. Pure."""

import math
import re
from collections import deque
from collections.abc import Collection
from enum import Enum

from hardware.interfaces import CardSeen
from schemas.hmi import CardPresented

SAME_CARD_S = 2.0
"""A card counts again when it was away from the reader for so long."""
SAME_PRESENTATION_S = 10.0
"""A presentation id is believed to mean the same holding of the card for so long after the last reading."""
STALE_S = 5.0
"""Nobody is waiting for the effect of an older reading any more."""
MOST_PER_SECOND = 5
MOST_REMEMBERED = 64
LONGEST_TAG = 20
"""OCPP 1.6 IdToken: CiString20; a UID of 10 bytes (ISO 14443, triple size) just fits."""
LONGEST_NAME = 36

_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?:[:\- ][0-9A-Fa-f]{2}){3,9}")
UID_BYTES = (4, 7, 10)
"""ISO 14443-3: single, double, triple size."""


class Refusal(Enum):
    UNREADABLE = "not a card: neither a UID of 4, 7 or 10 bytes nor 1 to 20 printable characters"
    REPEATED = "the same card, still held to the reader"
    TOO_MANY = f"more than {MOST_PER_SECOND} cards in a second"
    STALE = "read too long ago"
    NOT_HERE = "from a reader of connectors that this station does not have"


class CardGate:
    def __init__(self, connectors: Collection[int]) -> None:
        self._connectors = frozenset(connectors)
        self._last: dict[str, tuple[float, str]] = {}
        """By card in lower case: when it was read last, and in which presentation."""
        self._taken_s: deque[float] = deque(maxlen=MOST_PER_SECOND)

    def take(self, seen: CardSeen, now_s: float, new_id: str) -> CardPresented | Refusal:
        """`new_id` names the presentation when the reader does not."""
        id_tag = clean(seen.id_tag)
        if id_tag is None:
            return Refusal.UNREADABLE
        connectors = tuple(number for number in seen.connectors if number in self._connectors)
        if seen.connectors and not connectors:
            return Refusal.NOT_HERE
        seen_s = seen.seen_s if math.isfinite(seen.seen_s) and 0.0 <= seen.seen_s <= now_s else now_s
        if now_s - seen_s > STALE_S:
            return Refusal.STALE
        if self._is_repeat(id_tag.lower(), seen.presentation_id, now_s):
            return Refusal.REPEATED
        if len(self._taken_s) == MOST_PER_SECOND and now_s - self._taken_s[0] < 1.0:
            return Refusal.TOO_MANY
        self._taken_s.append(now_s)
        self._remember(id_tag.lower(), seen.presentation_id, now_s)
        return CardPresented(
            presentation_id=seen.presentation_id[:LONGEST_NAME] or new_id,
            id_tag=id_tag,
            reader=seen.reader[:LONGEST_NAME],
            presented_s=seen_s,
            connectors=connectors,
        )

    def _is_repeat(self, card: str, presentation: str, now_s: float) -> bool:
        last_s, last_presentation = self._last.get(card, (-math.inf, ""))
        same = bool(presentation) and presentation == last_presentation and now_s - last_s < SAME_PRESENTATION_S
        if not same and now_s - last_s >= SAME_CARD_S:
            return False
        self._remember(card, presentation, now_s)
        return True

    def _remember(self, card: str, presentation: str, now_s: float) -> None:
        self._last.pop(card, None)
        self._last[card] = (now_s, presentation)
        while len(self._last) > MOST_REMEMBERED:
            del self._last[next(iter(self._last))]


def clean(raw: str) -> str | None:
    """The id tag as it was read, without the separators of a UID ("04:A2:11:3C"); None = not a card."""
    text = raw.strip()
    if _PAIRS.fullmatch(text):
        digits = re.sub(r"[:\- ]", "", text)
        return digits if len(digits) // 2 in UID_BYTES else None
    if not 1 <= len(text) <= LONGEST_TAG or not text.isascii() or not text.isprintable():
        return None
    return text
