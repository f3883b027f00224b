"""The signing part of a simulated meter: takes commands, and makes OCMF records (OCMF 1.4.1) signed with its own key.

No record of it can pass for a legal one: gateway, manufacturer, model and serial number say that it is simulated, and
the key follows from the serial number, which is no secret.
"""

import json
from dataclasses import dataclass, field
from enum import IntEnum

from hardware.sim.site import ecdsa

SIGNS_FOR_S = 1.0
"""From the command until the record stands in its registers."""
NOTE = "SIMULATED"


class State(IntEnum):
    """The register `state` of the record."""

    NOT_READY = 0
    RUNNING = 1
    READY = 2
    CORRUPTED = 3


class CommandRefused(Exception):
    """The meter does not take this command now."""


@dataclass
class Signer:
    """`serial`: as the meter shows it. Times are boot-clock seconds."""

    serial: str = ""
    id_tag: str = ""
    tariff: str = ""
    """Text that goes into the record; the station keeps its own id of the transaction there."""
    point: str = ""
    is_open: bool = False
    """A transaction has begun and not ended."""
    pagination: int = 0
    record: str = ""
    """The last one that is finished."""
    pending: str = ""
    pending_since_s: float = 0.0
    silent: bool = field(default=False, compare=False)
    """Takes commands and never finishes a record."""
    refuses: bool = field(default=False, compare=False)
    """Takes no command."""

    @property
    def key(self) -> int:
        return ecdsa.private_key(f"simulated meter {self.serial}")

    def state(self, now_s: float) -> State:
        self._finish(now_s)
        if self.pending:
            return State.RUNNING
        return State.READY if self.record else State.NOT_READY

    def command(self, letter: str, register_wh: int, now_s: float) -> None:
        """`B` begins, `E` ends, `A` aborts. Raises CommandRefused."""
        self._finish(now_s)
        fits = letter in (("E", "A") if self.is_open else ("B",))
        if self.refuses or not fits or (self.pending and letter != "A"):
            raise CommandRefused(letter)
        self.is_open = letter == "B"
        self.pagination += 1
        self.pending, self.pending_since_s = self._signed(letter, register_wh, now_s), now_s

    def _finish(self, now_s: float) -> None:
        if self.pending and not self.silent and now_s - self.pending_since_s >= SIGNS_FOR_S:
            self.record, self.pending = self.pending, ""

    def _signed(self, letter: str, register_wh: int, now_s: float) -> str:
        payload = self._payload(letter, register_wh, now_s)
        signature = {"SA": f"ECDSA-{ecdsa.CURVE}-SHA256", "SD": ecdsa.sign(self.key, payload.encode()).hex()}
        return f"OCMF|{payload}|{json.dumps(signature, separators=(',', ':'))}"

    def _payload(self, letter: str, register_wh: int, now_s: float) -> str:
        reading = {
            "TM": _time(now_s),
            "TX": letter,
            "RV": f"{register_wh // 1000}.{register_wh % 1000:03d}",
            "RI": "01-00:B0.08.00*FF",
            "RU": "kWh",
            "RT": "AC",
            "EF": "",
            "ST": "G",
        }
        payload = {
            "FV": "1.4",
            "GI": f"{NOTE} STATION",
            "GS": self.serial,
            "GV": NOTE,
            "PG": f"T{self.pagination}",
            "MV": NOTE,
            "MM": f"{NOTE} METER",
            "MS": self.serial,
            "IS": bool(self.id_tag),
            "IL": "HEARSAY" if self.id_tag else "NONE",
            "IF": [],
            "IT": "ISO14443" if self.id_tag else "NONE",
            "ID": self.id_tag,
            "TT": self.tariff,
            "CT": "EVSEID" if self.point else "",
            "CI": self.point,
            "RD": [reading],
        }
        text = json.dumps(payload, separators=(",", ":")).replace("|", "_")
        # OCMF wants a number whose decimals stand as the meter counts them.
        return text.replace(f'"RV":"{reading["RV"]}"', f'"RV":{reading["RV"]}')


def _time(now_s: float) -> str:
    """The simulated meter has no clock: seconds since the machine started, with the status "unknown"."""
    minutes, milliseconds = divmod(round(now_s * 1000), 60_000)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    second, millisecond = divmod(milliseconds, 1000)
    return f"1970-01-{days % 31 + 1:02d}T{hour:02d}:{minute:02d}:{second:02d},{millisecond:03d}+0000 U"
