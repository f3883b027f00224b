"""The numbered stream of billing facts to `message_queue` (rules: `bus/streams.py`). Pure."""

from typing import NamedTuple

import msgspec

from schemas.session import Fact, MeterSample, TransactionMeterValues, TransactionStarted, TransactionStopped

Body = TransactionStarted | TransactionMeterValues | TransactionStopped

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)
_sample_decoder = msgspec.json.Decoder(MeterSample)


class Stream(NamedTuple):
    stream_id: str
    """Made with the store: a replaced store is a new stream."""
    last: int = 0
    """Number of the newest fact; the first has 1."""
    lowest_waiting: int = 1
    """The lowest number not yet acknowledged; `last + 1` when nothing waits."""

    @property
    def waiting(self) -> int:
        return self.last + 1 - self.lowest_waiting

    def appended(self) -> "Stream":
        return self._replace(last=self.last + 1)

    def acknowledged(self, mark: int) -> "Stream":
        """A mark beyond the newest fact: our file is older than the receiver's. No number is given a second time."""
        return self._replace(last=max(self.last, mark), lowest_waiting=max(self.lowest_waiting, mark + 1))

    def fact(self, number: int, body: Body) -> Fact:
        return Fact(
            stream_id=self.stream_id, number=number, lowest_unacknowledged=min(self.lowest_waiting, number), body=body
        )


def pack(body: Body) -> bytes:
    """As it is stored."""
    return _encoder.encode(body)


def unpack(packed: bytes) -> Body:
    """Raises msgspec.DecodeError for bytes that `pack` has not made."""
    return _decoder.decode(packed)


def pack_sample(sample: MeterSample) -> bytes:
    return _encoder.encode(sample)


def unpack_sample(packed: bytes) -> MeterSample:
    """Raises msgspec.DecodeError for bytes that `pack_sample` has not made."""
    return _sample_decoder.decode(packed)
