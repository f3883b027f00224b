"""What a signed record says of itself (OCMF 1.4.1): whose it is, and which end of a transaction. Pure.

A record is never written anew: what is passed on are its bytes as the meter gave them. Nothing is verified here; that
is for whoever bills, with the key that stands on the meter.
"""

from typing import NamedTuple

import msgspec
from msgspec import Struct

HEADER = "OCMF"
LONGEST = 4096
"""Characters of a whole record."""
BEGINS = frozenset({"B"})
ENDS = frozenset({"E", "L", "R", "P"})
"""Aborted (A) is no end that could be billed."""


class BadRecord(ValueError):
    """The text says what is wrong."""


class Record(NamedTuple):
    text: str
    serial: str
    """MS: of the meter."""
    tariff: str
    """TT: our id of the transaction."""
    kind: str
    """TX of the last reading."""


class _Reading(Struct):
    TX: str = ""


class _Payload(Struct):
    MS: str
    RD: list[_Reading]
    TT: str = ""


class _Signature(Struct):
    SD: str


_payload = msgspec.json.Decoder(_Payload)
_signature = msgspec.json.Decoder(_Signature)


def read(raw: bytes) -> Record:
    """Raises BadRecord."""
    if not 0 < len(raw) <= LONGEST:
        raise BadRecord(f"a record has 1 to {LONGEST} bytes, not {len(raw)}")
    try:
        text = raw.decode("ascii")
        header, payload, signature = text.split("|")
        said, signed = _payload.decode(payload), _signature.decode(signature)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise BadRecord(f"not a record: {error}"[:200]) from error
    if header != HEADER or not signed.SD or not text.isprintable():
        raise BadRecord("not a record: header or signature is missing")
    # A field that is as in the reading before may be left out.
    kinds = [reading.TX for reading in said.RD if reading.TX]
    return Record(text, said.MS, said.TT, kinds[-1] if kinds else "")
