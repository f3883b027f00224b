"""The register map of a Carlo Gavazzi EM580, as far as it is known here; docs/signed-readings.md tells what is assumed.

Measured values: function 4, signed numbers, least significant word first. Texts and the block of signed records:
function 3, two characters a word; commands and texts are written with function 16.
"""

from collections.abc import Iterator, Sequence

from hardware.sim.site import ecdsa
from hardware.sim.site.meter import Meter
from hardware.sim.site.refusal import DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusRefusal
from hardware.sim.site.signer import CommandRefused, Signer

MODEL = "carlo_gavazzi_em580"
MAX_WORDS = 125
MAX_WRITTEN = 123
INPUTS = (0x0000, 0x0520)
HOLDINGS = (0x24FF, 0x7110 + 2031)
"""First address and the one after the last."""

_SERIAL, _KEY_DER, _TARIFF = (0x5000, 7), (0x2600, 46), (0x6900, 126)
_ID_TAG, _POINT = (0x7007, 20), (0x701C, 20)
_FLAGS = (0x7000, 7)
_COMMAND, _CHARGING = 0x7040, 0x7045
_STATE, _FILE = (0x7100, 3), (0x7110, 2031)
_SIGNATURE_TYPE = 0x24FF


def _number(value: float, words: int, nan: bool) -> tuple[int, ...]:
    """A value that the meter does not have is the least number."""
    raw = -(1 << (16 * words - 1)) if nan else round(value)
    return tuple(raw >> (16 * place) & 0xFFFF for place in range(words))


def _text(text: str, words: int) -> tuple[int, ...]:
    raw = text.encode("ascii", "replace")[: 2 * words].ljust(2 * words, b"\0")
    return tuple(raw[place] << 8 | raw[place + 1] for place in range(0, 2 * words, 2))


def _read_text(words: Sequence[int]) -> str:
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    return raw.partition(b"\0")[0].decode("ascii", "replace")


def _inputs(meter: Meter) -> dict[int, int]:
    flow, nan = meter.flow, meter.nan
    values: dict[int, int] = {}

    def put(address: int, value: float, words: int = 2) -> None:
        values.update((address + place, word) for place, word in enumerate(_number(value, words, nan)))

    for phase in range(3):
        put(0x0000 + 2 * phase, flow.voltage_v[phase] * 10)
        put(0x000C + 2 * phase, flow.current_a[phase] * 1000)
        put(0x0012 + 2 * phase, flow.phase_power_w[phase] * 10)
    put(0x0028, sum(flow.phase_power_w) * 10)
    put(0x0033, meter.frequency_hz * 10, 1)
    put(0x0500, meter.register_wh, 4)
    put(0x051C, 0, 4)
    return values


def _holdings(signer: Signer, now_s: float) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(address, words) of each block, what is asked most first."""
    state = signer.state(now_s)
    yield _SERIAL[0], _text(signer.serial, _SERIAL[1])
    yield _CHARGING, (int(signer.is_open),)
    yield _STATE[0], (int(state), len(signer.record), signer.pagination)
    yield _TARIFF[0], _text(signer.tariff, _TARIFF[1])
    yield _FILE[0], _text(signer.record, _FILE[1])
    yield _FLAGS[0], (0,) * _FLAGS[1]
    yield _ID_TAG[0], _text(signer.id_tag, _ID_TAG[1])
    yield _POINT[0], _text(signer.point, _POINT[1])
    yield _SIGNATURE_TYPE, (0,)
    der = ecdsa.public_key_der(signer.key)
    yield _KEY_DER[0], tuple(der[place] << 8 | der[place + 1] for place in range(0, len(der), 2))


def read(meter: Meter, holding: bool, address: int, count: int, now_s: float) -> tuple[int, ...]:
    """The words of one read. Raises ModbusRefusal."""
    if not 1 <= count <= MAX_WORDS:
        raise ModbusRefusal(ILLEGAL_VALUE)
    if not holding:
        if not INPUTS[0] <= address <= INPUTS[1] - count:
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        values = _inputs(meter)
        return tuple(values.get(each, 0) for each in range(address, address + count))
    assert meter.signer is not None
    for start, words in _holdings(meter.signer, now_s):
        if start <= address and address + count <= start + len(words):
            return words[address - start : address - start + count]
    raise ModbusRefusal(ILLEGAL_ADDRESS)


def write(meter: Meter, address: int, words: Sequence[int], now_s: float) -> None:
    """One write. Raises ModbusRefusal."""
    signer = meter.signer
    assert signer is not None
    if not 1 <= len(words) <= MAX_WRITTEN:
        raise ModbusRefusal(ILLEGAL_VALUE)
    if address == _COMMAND and len(words) == 1:
        try:
            signer.command(chr(words[0]), meter.register_wh, now_s)
        except CommandRefused as error:
            raise ModbusRefusal(DEVICE_FAILURE) from error
    elif (address, len(words)) == _ID_TAG:
        signer.id_tag = _read_text(words)
    elif (address, len(words)) == _POINT:
        signer.point = _read_text(words)
    elif address == _TARIFF[0] and len(words) <= _TARIFF[1]:
        signer.tariff = _read_text(words)
    elif (address, len(words)) != _FLAGS:
        raise ModbusRefusal(ILLEGAL_ADDRESS)
