"""ECDSA on brainpoolP256r1 (RFC 5639) with SHA-256 and the nonce of RFC 6979, for simulated meters only.

Neither fast nor safe against somebody who measures its time: the keys that it is used with guard nothing.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

CURVE = "brainpoolP256r1"
_P = 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
_A = 0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9
_ORDER = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
_SIZE = 32
_SPKI_HEAD = bytes.fromhex("305a301406072a8648ce3d020106092b240303020801010703420004")
"""SubjectPublicKeyInfo up to and including the mark of an uncompressed point."""


class _Point(NamedTuple):
    x: int
    y: int


_BASE = _Point(
    0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
)


def _added(one: _Point | None, other: _Point | None) -> _Point | None:
    """None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one.x == other.x:
        if (one.y + other.y) % _P == 0:
            return None
        slope = (3 * one.x * one.x + _A) * pow(2 * one.y, -1, _P) % _P
    else:
        slope = (other.y - one.y) * pow(other.x - one.x, -1, _P) % _P
    x = (slope * slope - one.x - other.x) % _P
    return _Point(x, (slope * (one.x - x) - one.y) % _P)


def _times(factor: int, point: _Point) -> _Point:
    total: _Point | None = None
    doubled: _Point | None = point
    while factor:
        if factor & 1:
            total = _added(total, doubled)
        doubled = _added(doubled, doubled)
        factor >>= 1
    assert total is not None
    return total


def private_key(seed: str) -> int:
    """The same for the same seed."""
    return int.from_bytes(hashlib.sha512(seed.encode()).digest(), "big") % (_ORDER - 1) + 1


@lru_cache(maxsize=8)
def public_key_der(key: int) -> bytes:
    """SubjectPublicKeyInfo, 92 bytes."""
    point = _times(key, _BASE)
    return _SPKI_HEAD + point.x.to_bytes(_SIZE, "big") + point.y.to_bytes(_SIZE, "big")


def sign(key: int, message: bytes) -> bytes:
    """The signature in DER."""
    digest = hashlib.sha256(message).digest()
    number = int.from_bytes(digest, "big")
    nonce = _nonce(key, digest)
    r = _times(nonce, _BASE).x % _ORDER
    s = pow(nonce, -1, _ORDER) * (number + r * key) % _ORDER
    body = _integer(r) + _integer(s)
    return b"\x30" + bytes((len(body),)) + body


def _nonce(key: int, digest: bytes) -> int:
    """RFC 6979 section 3.2; order and digest both have 256 bits."""
    reduced = int.from_bytes(digest, "big") % _ORDER
    seed = key.to_bytes(_SIZE, "big") + reduced.to_bytes(_SIZE, "big")
    value, secret = b"\x01" * _SIZE, b"\x00" * _SIZE
    for mark in (b"\x00", b"\x01"):
        secret = hmac.digest(secret, value + mark + seed, "sha256")
        value = hmac.digest(secret, value, "sha256")
    while True:
        value = hmac.digest(secret, value, "sha256")
        nonce = int.from_bytes(value, "big")
        if 0 < nonce < _ORDER:
            return nonce
        secret = hmac.digest(secret, value + b"\x00", "sha256")
        value = hmac.digest(secret, value, "sha256")


def _integer(number: int) -> bytes:
    raw = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes((len(raw),)) + raw
