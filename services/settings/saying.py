"""What is published: values in force, secrets, orders of actions, live keys, faults."""

import math

from bus.clock import Now
from bus.endpoint import Endpoint, Heard
from bus.topics import FAULTS, SETTINGS_LIVE, SETTINGS_SECRETS, SETTINGS_VALUES, Topic
from schemas.base import Message
from schemas.settings import LiveValues, SecretValues, SettingsSnapshot
from services.settings.desk import Desk
from services.settings.live import TOPICS, live_values
from services.settings.names import key_of
from services.settings.raised import RaisedFaults
from services.settings.store import SettingsStore


class Saying:
    def __init__(self, bus: Endpoint, desk: Desk, store: SettingsStore, connectors: int) -> None:
        self._bus = bus
        self._desk = desk
        self._store = store
        self._connectors = connectors
        self.faults = RaisedFaults()
        self.live: dict[str, str] = {}
        self._said_live = False

    def everything(self, now: Now) -> None:
        in_force = self._desk.values.in_force
        secret = {where for where in (*in_force, *self._desk.actions) if _is_secret(where)}
        self._bus.publish(
            SETTINGS_VALUES,
            SettingsSnapshot(
                revision=self._desk.revision,
                values={where: text for where, text in in_force.items() if where not in secret},
                pending_reboot=self._desk.values.pending,
                actions={where: order for where, order in self._desk.actions.items() if where not in secret},
            ),
        )
        self._bus.publish(
            SETTINGS_SECRETS,
            SecretValues(
                values={where: text for where, text in in_force.items() if where in secret},
                actions={where: order for where, order in self._desk.actions.items() if where in secret},
            ),
        )
        self.present_faults(now)
        self.present_state()

    def present_state(self) -> float:
        """Live keys. Returns when something that is heard now stops counting as known."""
        values = live_values(self._heard, self._connectors)
        if values != self.live or not self._said_live:
            self.live, self._said_live = values, True
            self._bus.publish(SETTINGS_LIVE, LiveValues(values=values))
        return min((self._silent_s(topic, key) for topic in TOPICS for key in self._keys(topic)), default=math.inf)

    def _keys(self, topic: Topic[Message]) -> list[str]:
        return [str(number) for number in range(1, self._connectors + 1)] if topic.key else [""]

    def _heard(self, topic: Topic[Message], key: str) -> Message | None:
        latest = self._bus.latest(topic, key)
        return latest.fresh

    def _silent_s(self, topic: Topic[Message], key: str) -> float:
        latest = self._bus.latest(topic, key)
        if latest.status is not Heard.FRESH or topic.silence_s is None:
            return math.inf
        return latest.sent_s + topic.silence_s + 0.001

    def present_faults(self, now: Now) -> None:
        trouble = str(self._store.trouble or "")
        self.faults.show("settings_rejected", "; ".join(self._desk.values.rejected.values()), now.wall_s)
        read_only = "readonly" in trouble or "read-only" in trouble
        self.faults.show("disk_read_only", trouble if read_only else "", now.wall_s)
        self.faults.show("disk_full", "" if read_only else trouble, now.wall_s)
        if self.faults.changed:
            self._bus.publish(FAULTS["settings"], self.faults.told())


def _is_secret(where: str) -> bool:
    key = key_of(where)
    return key is not None and key.secret
