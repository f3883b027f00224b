"""Cards held to the readers of the site."""

from hardware.interfaces import CardSeen

READS_EVERY_S = 0.5
STAYS_S = 1.0
"""How long a tap lasts when nobody says otherwise."""
MOST_HELD = 32


class Cards:
    """A card that is held longer is read again, with the same presentation id."""

    def __init__(self) -> None:
        self.presentations = 0
        self._held: list[tuple[CardSeen, float, float]] = []
        """(card, next reading, taken away)."""

    def hold(self, id_tag: str, reader: str, connectors: tuple[int, ...], hold_s: float, now_s: float) -> str:
        """Returns the presentation id. Raises ValueError when too many cards are held already."""
        self._forget(now_s)
        if len(self._held) >= MOST_HELD:
            raise ValueError(f"{MOST_HELD} cards are held to readers already; wait until one is taken away")
        self.presentations += 1
        presentation = f"card-{self.presentations}"
        seen = CardSeen(id_tag, reader, connectors, now_s, presentation)
        self._held.append((seen, now_s, now_s + max(hold_s, STAYS_S if hold_s == 0.0 else hold_s)))
        return presentation

    def _forget(self, now_s: float) -> None:
        self._held = [held for held in self._held if held[2] > now_s]

    def next_event_s(self) -> float:
        """When a held card can be read next; in the past = it waits to be read."""
        return min((reads for _, reads, gone in self._held if reads < gone), default=float("inf"))

    def take(self, now_s: float) -> list[CardSeen]:
        """What the readers see now."""
        seen: list[CardSeen] = []
        held: list[tuple[CardSeen, float, float]] = []
        for card, reads, gone in self._held:
            if reads <= now_s < gone:
                seen.append(card._replace(seen_s=now_s))
                reads = now_s + READS_EVERY_S
            held.append((card, reads, gone))
        self._held = held
        self._forget(now_s)
        return seen
