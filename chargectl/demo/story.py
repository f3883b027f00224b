"""The story of the demo: a car is plugged in, a card is held to the reader, it charges. Pure.

It looks at the station before every step: where somebody else was faster, or the station was found in the middle of a
charge, it goes on from there.
"""

from dataclasses import dataclass
from typing import Any

from chargectl.demo.view import ConnectorView, View
from schemas.safety import PilotState
from schemas.session import ConnectorStatus

PAUSE_S = 2.0
"""Between the steps, so that a person can read along."""
READ_S = 5.0
"""For the last sentence of the story."""
PATIENCE_S = 15.0
"""A start that takes longer than this deserves words."""


@dataclass
class Story:
    local_card: str
    """A card that the station knows itself; empty: none."""
    asked_card: str = ""
    """The card that is used while the backend is there to be asked."""
    waits_for_backend: bool = False
    caption: str = "The services start."
    _step: int = 0
    _since_s: float | None = None

    def turn(self, view: View, now_s: float) -> dict[str, Any] | None:
        """Called for every picture; an operation for the simulated world, or None. `caption` tells the story."""
        connector = view.connectors[0]
        if self._since_s is None:
            self._since_s = now_s
        waited_s = now_s - self._since_s
        if self._step == 0 and view.all_up and connector.safety is not None and connector.session is not None:
            self._begin(view, now_s, waited_s)
        elif self._step == 0 and waited_s > PATIENCE_S:
            missing = ", ".join(service.name for service in view.services if not service.up) or "session"
            self.caption = f"Still waiting for: {missing}. See: chargectl log tail"
        elif self._step == 1 and waited_s >= PAUSE_S:
            return self._plug_in(connector, now_s)
        elif self._step == 2 and _vehicle_connected(connector) and waited_s >= PAUSE_S:
            return self._swipe(connector, self._card(view), now_s)
        elif self._step == 3 and _charges(connector):
            number = connector.session.backend_transaction_id if connector.session is not None else None
            charges = "It charges" if number is None else f"It charges, as transaction {number} of the backend"
            self._go_on(now_s, f"{charges}. Now it is your turn: see below.")
        elif self._step == 3 and waited_s > PATIENCE_S and connector.session is not None:
            self.caption = f"It does not charge yet: {connector.session.reason or connector.session.status}."
        elif self._step == 4 and waited_s > READ_S:
            self.caption = _present(connector)
        return None

    def power_cut(self) -> None:
        self.caption = "The power is gone. It comes back in a moment."

    def power_back(self) -> None:
        self._step, self._since_s = 4, None
        self.caption = "The power is back. The station remembers what it was doing."

    def _begin(self, view: View, now_s: float, waited_s: float) -> None:
        if view.backend.online:
            self._go_on(now_s, "The backend has accepted the station. A car comes.")
        elif not self.waits_for_backend:
            self._go_on(now_s, "The station is ready. A car comes.")
        elif waited_s > PATIENCE_S or (view.backend.link is not None and view.backend.link.failures):
            self._go_on(now_s, "The backend is not reached; the station goes on without it. A car comes.")
        else:
            self.caption = "The station registers at its backend."

    def _card(self, view: View) -> str:
        return (self.asked_card if view.backend.online else "") or self.local_card

    def _go_on(self, now_s: float, caption: str) -> None:
        self._step += 1
        self._since_s = now_s
        self.caption = caption

    def _plug_in(self, connector: ConnectorView, now_s: float) -> dict[str, Any] | None:
        if _vehicle_connected(connector):
            self._go_on(now_s, "A car is plugged in already.")
            return None
        if connector.safety is None or connector.safety.state is PilotState.BOOT:
            self.caption = "The station tries its lock and tests its sensors first."
            return None
        self._go_on(now_s, "A car is plugged in. The station asks who pays.")
        return {"op": "plug_in", "connector": connector.number}

    def _swipe(self, connector: ConnectorView, card: str, now_s: float) -> dict[str, Any] | None:
        if connector.session is not None and connector.session.transaction_id:
            self._go_on(now_s, "Charging is allowed already.")
            return None
        if not card:
            self._go_on(now_s, "No card is known here ([cards] in station.toml); free charging or a card starts it.")
            return None
        who = "the station knows it" if card == self.local_card else "the station asks the backend about it"
        self._go_on(now_s, f"The card {card} is held to the reader: {who}.")
        return {"op": "swipe", "id_tag": card}


def _vehicle_connected(connector: ConnectorView) -> bool:
    return connector.safety is not None and connector.safety.vehicle_connected


def _charges(connector: ConnectorView) -> bool:
    return connector.session is not None and connector.session.status is ConnectorStatus.CHARGING


PRESENT = {
    ConnectorStatus.AVAILABLE: "The connector is free.",
    ConnectorStatus.PREPARING: "A car or a card is here; the other one is missing.",
    ConnectorStatus.CHARGING: "It charges.",
    ConnectorStatus.SUSPENDED_EV: "The car takes no power at the moment.",
    ConnectorStatus.SUSPENDED_EVSE: "The station gives no power at the moment.",
    ConnectorStatus.FINISHING: "Charging has ended; the car is still plugged in.",
    ConnectorStatus.FAULTED: "A fault keeps the connector from charging.",
}


def _present(connector: ConnectorView) -> str:
    if connector.session is None:
        return "session is not heard at the moment."
    return PRESENT.get(connector.session.status, str(connector.session.status))
