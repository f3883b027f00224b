"""Errors, their ends, and informative messages: StatusNotifications beside the plain status of a connector
(the guide, sections 9.2 and 9.3). Pure.

Coalesced by what they are about: of one fault at most its begin and its end wait, of one informative group only the
latest. An error that the plain status has told already is not told again.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from schemas.base import Notice
from schemas.faults import FAULTS
from schemas.notices import LONGEST_INFO, NOTICES
from schemas.system import ShownFault
from services.message_queue.books.status_book import StatusBook
from services.message_queue.rules.composing import Status

MOST = 64
"""Things that are told at a time; with more, the rest stays with the plain statuses."""
GAP_S = 10.0
"""Between two messages about the same fault, or of the same informative group: what flaps does not flood."""
INFORMATIVE_S = 300.0
"""An informative message that could not leave in that time is of no interest any more."""
RESOLVED = " resolved"

Subject = tuple[str, ...]
"""What a message is about: owner and code of a fault and its connector, or connector, group and subject of a notice."""
Group = tuple[str, ...]
"""Connector and group of a notice: InputChangeNotifyBackend promises one message in 10 s for all inputs together."""


class Telling(NamedTuple):
    """One StatusNotification that is due."""

    subject: Subject
    connector: int
    error_code: str
    """Empty: the one that the connector has."""
    info: str
    vendor_error_code: str
    at_wall_s: float
    """When it happened."""
    is_error: bool
    """About a fault."""
    ends: bool
    """It is over."""
    queued_s: float
    queued_wall_s: float


@dataclass
class _Fault:
    connector: int
    error_code: str
    text: str
    resolved: str
    internal_code: str
    since_wall_s: float
    queued: tuple[float, float]
    """Since when the next message about it waits (boot clock, wall time)."""
    present: bool = True
    told: bool = False
    """The backend knows that it is there."""
    over: bool = False
    """The backend knows that it is gone: kept until it may be told again."""
    ended_wall_s: float = 0.0
    not_before_s: float = 0.0

    def is_said_by(self, status: Status | None) -> bool:
        """Whether a plain status says the same."""
        return status is not None and (status.info, status.vendor_error_code) == (self.text, self.internal_code)


@dataclass
class _Note:
    connector: int
    text: str
    internal_code: str
    queued: tuple[float, float]
    waits: bool = True


class NoticeBook:
    """`statuses`: what the plain statuses say and have said."""

    def __init__(self, statuses: StatusBook) -> None:
        self._statuses = statuses
        self._faults: dict[Subject, _Fault] = {}
        self._notes: dict[Subject, _Note] = {}
        self._not_before_s: dict[Group, float] = {}
        self.errors = True
        """`ErrorStatusNotifications`, and there is a backend."""
        self.informative = False
        """`InfoStatusNotifications`, and there is a backend."""

    # hearing

    def heard_faults(self, faults: Iterable[ShownFault], now_s: float, wall_s: float) -> None:
        """Exactly these are active."""
        active: set[Subject] = set()
        for shown in faults:
            subject: Subject = (shown.owner, shown.fault.code, str(shown.fault.connector))
            active.add(subject)
            known = self._faults.get(subject)
            if known is None and len(self._faults) < MOST:
                self._faults[subject] = _Fault(
                    shown.fault.connector,
                    shown.error_code,
                    shown.text[:LONGEST_INFO],
                    resolved(shown.fault.code, shown.text),
                    shown.internal_code,
                    shown.fault.since_wall_s or wall_s,
                    (now_s, wall_s),
                )
            elif known is not None and not known.present:
                if known.over:
                    known.since_wall_s = shown.fault.since_wall_s or wall_s
                # Between its end and its next begin nothing was told: for the backend it was there all the time.
                known.present, known.over, known.queued = True, False, (now_s, wall_s)
        for known_subject, fault in self._faults.items():
            if fault.present and known_subject not in active:
                fault.present, fault.ended_wall_s = False, wall_s
                if fault.told:
                    fault.queued = (now_s, wall_s)

    def heard(self, notice: Notice, now_s: float, wall_s: float) -> None:
        kind = NOTICES.get(notice.code)
        subject: Subject = (str(notice.connector), kind.group if kind is not None else notice.code, notice.subject)
        text, internal_code = notice.text[:LONGEST_INFO], kind.internal_code if kind is not None else ""
        known = self._notes.get(subject)
        if known is not None:
            known.text, known.internal_code, known.queued, known.waits = text, internal_code, (now_s, wall_s), True
        elif len(self._notes) < MOST:
            self._notes[subject] = _Note(notice.connector, text, internal_code, (now_s, wall_s))

    def registered(self) -> None:
        """After an accepted BootNotification the backend knows nothing: what is there is told again."""
        self._faults = {
            subject: fault for subject, fault in self._faults.items() if fault.present or not (fault.told or fault.over)
        }
        for fault in self._faults.values():
            fault.told = False

    # telling

    def waiting(self, now_s: float) -> list[Telling]:
        """In the order of their turns."""
        self._forget_old(now_s)
        if self.errors:
            self._mark_covered()
        found = [*self._errors(now_s), *self._informative(now_s)]
        return sorted(found, key=lambda telling: telling.queued_s)

    def next_s(self, now_s: float) -> float:
        """When something else may be due (boot clock)."""
        times = [fault.not_before_s for fault in self._faults.values()]
        times += [note.queued[0] + INFORMATIVE_S for note in self._notes.values()]
        times += self._not_before_s.values()
        return min((time_s for time_s in times if time_s > now_s), default=math.inf)

    def answered(self, telling: Telling, now_s: float) -> None:
        """The backend knows it; or it refused it, and repeating would not help."""
        if telling.is_error:
            fault = self._faults.get(telling.subject)
            if fault is not None:
                fault.not_before_s = now_s + GAP_S
                fault.told = not telling.ends
                fault.over = telling.ends and not fault.present
            return
        self._not_before_s[_group(telling.subject)] = now_s + GAP_S
        note = self._notes.get(telling.subject)
        if note is not None:
            note.waits = note.queued != (telling.queued_s, telling.queued_wall_s)

    # inside

    def _forget_old(self, now_s: float) -> None:
        self._faults = {
            subject: fault
            for subject, fault in self._faults.items()
            if fault.present or (self.errors and not (fault.over and now_s >= fault.not_before_s))
        }
        for note in self._notes.values():
            note.waits = note.waits and self.informative and now_s < note.queued[0] + INFORMATIVE_S
        self._notes = {subject: note for subject, note in self._notes.items() if note.waits}
        self._not_before_s = {group: time_s for group, time_s in self._not_before_s.items() if now_s < time_s}

    def _mark_covered(self) -> None:
        for fault in self._faults.values():
            fault.told = fault.told or fault.is_said_by(self._statuses.told(fault.connector))

    def _errors(self, now_s: float) -> Iterator[Telling]:
        for subject, fault in self._faults.items():
            waits = self._statuses.told(fault.connector) is None or now_s < fault.not_before_s
            if not self.errors or fault.over or waits:
                continue
            if fault.told and not fault.present:
                yield _telling(subject, fault, "", fault.resolved, fault.ended_wall_s, ends=True)
            elif not fault.told and not fault.is_said_by(self._statuses.present(fault.connector)):
                yield _telling(subject, fault, fault.error_code, fault.text, fault.since_wall_s, ends=False)

    def _informative(self, now_s: float) -> Iterator[Telling]:
        """Of each group the one that has waited longest."""
        begun = {group for group, time_s in self._not_before_s.items() if now_s < time_s}
        for subject, note in sorted(self._notes.items(), key=lambda item: item[1].queued):
            known, group = self._statuses.told(note.connector) is not None, _group(subject)
            if known and note.waits and group not in begun:
                begun.add(group)
                yield Telling(
                    subject=subject,
                    connector=note.connector,
                    error_code="",
                    info=note.text,
                    vendor_error_code=note.internal_code,
                    at_wall_s=note.queued[1],
                    is_error=False,
                    ends=False,
                    queued_s=note.queued[0],
                    queued_wall_s=note.queued[1],
                )


def _group(subject: Subject) -> Group:
    return subject[:2]


def resolved(code: str, text: str) -> str:
    """How the backend hears the end of a fault. A text that is not of the catalogue is cut where it has to be."""
    known = FAULTS.get(code)
    if known is not None and known.resolved:
        return known.resolved
    return text[: LONGEST_INFO - len(RESOLVED)] + RESOLVED


def _telling(subject: Subject, fault: _Fault, error_code: str, info: str, at_wall_s: float, *, ends: bool) -> Telling:
    return Telling(
        subject=subject,
        connector=fault.connector,
        error_code=error_code,
        info=info,
        vendor_error_code=fault.internal_code,
        at_wall_s=at_wall_s,
        is_error=True,
        ends=ends,
        queued_s=fault.queued[0],
        queued_wall_s=fault.queued[1],
    )
