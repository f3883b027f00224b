"""Signed records as a backend gets them, taken apart and checked without the product's own code."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from schemas.session import MeterSample

SPKI_WORDS = 46


class Record(NamedTuple):
    text: str
    payload: dict[str, Any]
    signature: dict[str, str]

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: the payload as it stands there."""
        return self.text.split("|")[1].encode()

    @property
    def kind(self) -> str:
        return str(self.payload["RD"][-1]["TX"])

    @property
    def register_wh(self) -> int:
        reading = self.payload["RD"][-1]
        assert reading["RU"] == "kWh"
        return int(Decimal(reading["RV"]) * 1000)

    @property
    def pagination(self) -> int:
        assert self.payload["PG"].startswith("T")
        return int(self.payload["PG"][1:])


def take_apart(text: str) -> Record:
    header, payload, signature = text.split("|")
    assert header == "OCMF"
    return Record(text, json.loads(payload, parse_float=str), json.loads(signature))


def records_of(samples: tuple[MeterSample, ...]) -> dict[str, Record]:
    """By context; each at most once."""
    found: dict[str, Record] = {}
    for sample in samples:
        for value in sample.values:
            if value.format == "SignedData":
                assert value.context not in found
                found[value.context] = take_apart(value.value)
    return found


def is_genuine(record: Record, public_key_der: bytes, path: Path) -> bool:
    """OpenSSL decides."""
    assert record.signature["SA"] == "ECDSA-brainpoolP256r1-SHA256"
    (path / "key.der").write_bytes(public_key_der)
    (path / "signature").write_bytes(bytes.fromhex(record.signature["SD"]))
    (path / "payload").write_bytes(record.signed_bytes)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.der", "-keyform", "DER", "-signature", "signature"]
    ran = subprocess.run([*command, "payload"], cwd=path, capture_output=True, timeout=30, check=False)
    return ran.returncode == 0 and b"Verified OK" in ran.stdout
