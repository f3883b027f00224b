"""One signed reading, from the request to the record: which registers to write and read, step by step. Pure.

Nothing is remembered between two jobs. The meter itself keeps, as text of the tariff, which transaction it is in, and
its last record names it: so a job that begins anew, after a restart or because somebody asks again, finds out how far
the one before has come, and never begins twice.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from hardware.interfaces import RegisterAnswer, RegisterRead, RegisterStep, RegisterWrite
from schemas.metering import SignContext
from services.metering import ocmf
from services.metering.registers import HOLDING, SigningRegisters, decode_text, encode_text

POLL_S = 0.5
ANSWER_BEFORE_S = 0.5
"""The answer leaves so long before the end of its request."""
MAX_WORDS = 125
_UNSIGNED = "the meter has not signed in time"


class Signed(NamedTuple):
    """`record` empty: it came to nothing, and `reason` says why."""

    record: str = ""
    reason: str = ""


class _Step(Enum):
    LOOK = "look"
    READ = "read"
    WRITE = "write"


class Job:
    """Until `expires_s` (boot clock); its answer comes a little before."""

    def __init__(
        self, registers: SigningRegisters, context: SignContext, transaction_id: str, id_tag: str, expires_s: float
    ) -> None:
        self.next_s = float("-inf")
        """When the next question is due."""
        self._registers = registers
        self._begins = context is SignContext.BEGIN
        self._transaction_id = transaction_id
        self._id_tag = id_tag
        self._until_s = expires_s - ANSWER_BEFORE_S
        self._step = _Step.LOOK
        self._command: int | None = None
        """The last one that this job has given."""
        self._size = 0
        self._mine = False
        self._open = False
        self._busy = False
        self._reason = _UNSIGNED

    # asking

    def question(self) -> tuple[RegisterStep, ...]:
        """What to ask the meter now."""
        r = self._registers
        if self._step is _Step.READ:
            start, words = r.file[0], (self._size + 1) // 2
            return tuple(
                RegisterRead(HOLDING, start + done, min(MAX_WORDS, words - done)) for done in range(0, words, MAX_WORDS)
            )
        if self._step is _Step.WRITE:
            assert self._command is not None
            about: tuple[RegisterStep, ...] = ()
            if self._command == r.begin:
                about = (
                    RegisterWrite(r.flags[0], (0,) * r.flags[1]),
                    RegisterWrite(r.id_tag[0], encode_text(self._id_tag, r.id_tag[1])),
                    RegisterWrite(r.tariff[0], encode_text(self._transaction_id, r.tariff[1])),
                )
            return (*about, RegisterWrite(r.command, (self._command,)))
        return (
            RegisterRead(HOLDING, r.charging, 1),
            RegisterRead(HOLDING, r.state, 2),
            RegisterRead(HOLDING, *r.tariff),
        )

    # understanding

    def give_up(self, now_s: float) -> Signed | None:
        """At the end of its time."""
        return Signed(reason=self._reason) if now_s >= self._until_s else None

    @property
    def until_s(self) -> float:
        return self._until_s

    def take(self, answer: RegisterAnswer, serial: str, now_s: float) -> Signed | None:
        """The answer to the last question; None = ask on when `next_s` has come."""
        step, self._step = self._step, _Step.LOOK
        self.next_s = now_s + POLL_S
        if answer.error:
            self._reason = f"{_UNSIGNED}: {answer.error}"
            if step is _Step.WRITE and answer.refused:
                return Signed(reason=f"the meter refuses to sign: {answer.error}")
            if step is _Step.WRITE:
                # Nobody knows whether it has arrived: the next look tells.
                self._command = None
            return None
        if step is _Step.READ:
            return self._take_record(answer.words, serial)
        if step is _Step.LOOK:
            return self._look(answer.words)
        return None

    def _look(self, words: Sequence[Sequence[int]]) -> Signed | None:
        r = self._registers
        self._open = words[0][0] != 0
        state, self._size = words[1]
        self._busy = state == r.running
        self._mine = decode_text(words[2]) == self._transaction_id
        if state == r.corrupted and self._command in (r.begin, r.end):
            return Signed(reason="the meter says that its record is corrupted")
        if state == r.ready and 0 < self._size <= min(2 * r.file[1], ocmf.LONGEST):
            self._step, self.next_s = _Step.READ, float("-inf")
            return None
        return self._decide()

    def _take_record(self, words: Sequence[Sequence[int]], serial: str) -> Signed | None:
        raw = b"".join(word.to_bytes(2, "big") for block in words for word in block)[: self._size]
        try:
            record = ocmf.read(raw)
        except ocmf.BadRecord as error:
            self._reason = f"{_UNSIGNED}: {error}"
            return self._decide()
        if record.tariff == self._transaction_id:
            if record.serial != serial:
                return Signed(reason=f"the record is of meter {record.serial[:40]}, not of {serial}")
            if record.kind in (ocmf.BEGINS if self._begins else ocmf.ENDS):
                return Signed(record=record.text)
            if self._begins:
                return Signed(reason="the meter has already ended this transaction")
        return self._decide()

    def _decide(self) -> Signed | None:
        """The record is not there: is there a command to give?"""
        r = self._registers
        if self._begins:
            wanted = r.begin if not self._open else None if self._mine else r.abort
        elif self._open and self._mine:
            wanted = r.end
        elif not self._mine:
            return Signed(reason="the meter is in no transaction of this id")
        else:
            wanted = None
        if self._busy and wanted != r.abort:
            return None
        if wanted is not None and wanted != self._command:
            self._command, self._step, self.next_s = wanted, _Step.WRITE, float("-inf")
        return None
