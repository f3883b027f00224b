"""Certificates as text (PEM), as far as their form goes. Pure: whether anybody trusts them is for `ocpp_link`."""

import base64
import binascii
import re

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE = 0x30


def broken_blocks(text: str) -> list[int]:
    """The numbers (from 1) of those certificates in `text` that were cut off or damaged on the way."""
    return [number for number, block in enumerate(_BLOCK.findall(text), 1) if not _is_whole(block)]


def _is_whole(block: str) -> bool:
    """DER (X.690): one SEQUENCE that ends where the text ends, and begins with another (RFC 5280, 4.1)."""
    try:
        der = base64.b64decode("".join(block.split()), validate=True)
    except binascii.Error:
        return False
    if len(der) < 4 or der[0] != _SEQUENCE:
        return False
    length, begin = der[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[2:begin], "big")
    return begin + length == len(der) and der[begin : begin + 1] == bytes([_SEQUENCE])
