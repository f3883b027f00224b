"""An explicit-state model of the way of a billing fact: session -> message_queue -> ocpp_link -> socket -> back.

Every interleaving of every step is visited, with a number of kills (kill -9 and restart of one process, or the death of
the backend's connection) and of lost bus events at every place. Steps are as small as a kill can tell apart:

- What a process commits and then publishes is one step, because a kill loses any number of the last frames it
  published: a kill between commit and publishing is a kill after both that loses the frame.
- A killed process also loses everything on the way to it, and all its memory; its store stays.
- Repeats come at any time while there is something to repeat and room on that way, in any order of the facts.
- A call in flight may be answered at any time.

The stream hops are judged by `bus.streams.judge`, the queue and the link by `bus.handover`; `Rules` can weaken them,
to see that the model notices.
"""

import gc
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from bus.handover import (
    Call,
    Complete,
    LinkMemory,
    Outcome,
    Report,
    Retry,
    Send,
    ended,
    heard,
    offered,
    sent,
    settled,
)
from bus.streams import Mark, Verdict, judge

STREAM = "a stream"

Label = tuple[Any, ...]
Frame = tuple[Any, ...]
Way = tuple[Frame, ...]


class Rules(NamedTuple):
    """All True: the rules as they are."""

    contiguous_numbers: bool = True
    permanent_marks: bool = True
    remembered_outcomes: bool = True


class State(NamedTuple):
    # session's store
    created: int = 0
    """Facts 1..created are written."""
    acknowledged: int = 0
    answers_mark: int = 0
    # message_queue's store
    mark: int | None = None
    queue: tuple[tuple[str, int, int], ...] = ()
    """(message id, fact, attempt)"""
    next_message: int = 1
    answers: tuple[int, ...] = ()
    """The facts whose answers are numbered 1, 2, ..."""
    answers_acknowledged: int = 0
    # ocpp_link's memory
    link: LinkMemory = LinkMemory()
    # on the way
    to_queue: Way = ()
    to_session: Way = ()
    to_link: Way = ()
    from_link: Way = ()
    # what an observer at the socket has seen
    sent: tuple[tuple[str, int], ...] = ()
    """Per fact in order: message id, and how many sends more are excused."""
    got: tuple[int, ...] = ()
    """Answers that session has taken over, by fact."""
    # what may still go wrong
    kills: int = 0
    losses: int = 0


Step = tuple[Label, State]


class Broken(Exception):
    """The model reached something that must never be."""


class Model:
    """`room`: frames on one way from which on repeats wait; it keeps the number of states finite."""

    def __init__(self, facts: int, kills: int, losses: int, rules: Rules | None = None, room: int = 1) -> None:
        self.facts = facts
        self.room = room
        self.rules = rules or Rules()
        self.initial = State(kills=kills, losses=losses)

    def is_done(self, state: State) -> bool:
        """Everything has arrived and everybody knows it."""
        return (
            state.created == state.acknowledged == len(state.sent) == self.facts
            and not state.queue
            and state.answers_mark == state.answers_acknowledged == len(state.answers)
            and len(state.got) == self.facts
            and not state.link.unsettled
            and state.link.in_flight is None
        )

    def steps(self, state: State) -> Iterator[Step]:
        yield from self._session(state)
        yield from self._queue(state)
        yield from self._link(state)
        yield from self._deliveries(state)
        if state.losses:
            yield from self._losses(state)
        if state.kills:
            yield from self._kills(state)

    # what each process does by itself

    def _session(self, state: State) -> Iterator[Step]:
        if state.created < self.facts:
            number = state.created + 1
            frame: Frame = ("fact", number, state.acknowledged + 1)
            yield ("session writes fact", number), state._replace(created=number, to_queue=(*state.to_queue, frame))
        if len(state.to_queue) < self.room:
            for number in range(state.acknowledged + 1, state.created + 1):
                frame = ("fact", number, state.acknowledged + 1)
                yield ("session repeats fact", number), state._replace(to_queue=(*state.to_queue, frame))

    def _queue(self, state: State) -> Iterator[Step]:
        if state.queue and len(state.to_link) < self.room:
            message_id, fact, attempt = state.queue[0]
            frame: Frame = ("offer", message_id, attempt, fact)
            yield ("queue offers", message_id, attempt), state._replace(to_link=(*state.to_link, frame))
        if len(state.to_session) < self.room:
            for number in range(state.answers_acknowledged + 1, len(state.answers) + 1):
                answer = ("answer", number, state.answers_acknowledged + 1, state.answers[number - 1])
                yield ("queue repeats answer", number), state._replace(to_session=(*state.to_session, answer))

    def _link(self, state: State) -> Iterator[Step]:
        if state.link.in_flight is not None:
            yield ("backend answers",), self._ended(state, Outcome.ANSWERED)
        if len(state.from_link) < self.room:
            for report in state.link.unsettled:
                yield ("link reports", report.call), self._reported(state, report)

    def _ended(self, state: State, outcome: Outcome) -> State:
        memory, report = ended(state.link, outcome)
        assert report is not None
        return self._reported(state._replace(link=memory), report)

    def _reported(self, state: State, report: Report) -> State:
        memory = state.link
        if not self.rules.remembered_outcomes:
            memory = memory._replace(unsettled=())
        return state._replace(link=memory, from_link=self._on(state.from_link, ("report", report)))

    # what each process does with what it hears

    def _deliveries(self, state: State) -> Iterator[Step]:
        if state.to_queue:
            frame, *rest = state.to_queue
            yield ("queue hears", frame), self._queue_hears_session(state._replace(to_queue=tuple(rest)), frame)
        if state.from_link:
            frame, *rest = state.from_link
            yield ("queue hears", frame), self._queue_hears_link(state._replace(from_link=tuple(rest)), frame[1])
        if state.to_session:
            frame, *rest = state.to_session
            yield ("session hears", frame), self._session_hears(state._replace(to_session=tuple(rest)), frame)
        if state.to_link:
            frame, *rest = state.to_link
            yield ("link hears", frame), self._link_hears(state._replace(to_link=tuple(rest)), frame)

    def _judge(self, mark: int | None, number: int, lowest: int) -> Verdict:
        kept = None if mark is None else Mark(STREAM, mark)
        verdict = judge(kept, STREAM, number, lowest)
        if not self.rules.contiguous_numbers and verdict is Verdict.IGNORE:
            return Verdict.TAKE
        return verdict

    def _queue_hears_session(self, state: State, frame: Frame) -> State:
        if frame[0] == "acknowledged":
            return state._replace(answers_acknowledged=max(state.answers_acknowledged, frame[1]))
        _, number, lowest = frame
        verdict = self._judge(state.mark, number, lowest)
        if verdict is Verdict.IGNORE:
            return state
        if verdict is Verdict.TAKE:
            entry = (f"m{state.next_message}", number, 1)
            state = state._replace(mark=number, queue=(*state.queue, entry), next_message=state.next_message + 1)
        mark = number if state.mark is None else state.mark
        return state._replace(to_session=self._on(state.to_session, ("acknowledged", mark)))

    def _queue_hears_link(self, state: State, report: Report) -> State:
        stored = {message_id: (fact, attempt) for message_id, fact, attempt in state.queue}
        fact, attempt = stored.get(report.call.message_id, (0, None))
        does = heard(attempt, report)
        if isinstance(does, Complete):
            answers = (*state.answers, fact)
            queue = tuple(entry for entry in state.queue if entry[0] != report.call.message_id)
            frame = ("answer", len(answers), state.answers_acknowledged + 1, fact)
            state = state._replace(queue=queue, answers=answers, to_session=self._on(state.to_session, frame))
            if not self.rules.permanent_marks and not queue:
                state = state._replace(mark=None)
        elif isinstance(does, Retry):
            queue = tuple(
                (name, number, does.next_attempt if name == report.call.message_id else old)
                for name, number, old in state.queue
            )
            state = state._replace(queue=queue)
        return state._replace(to_link=self._on(state.to_link, ("settled", *report.call)))

    def _session_hears(self, state: State, frame: Frame) -> State:
        if frame[0] == "acknowledged":
            return state._replace(acknowledged=max(state.acknowledged, frame[1]))
        _, number, lowest, fact = frame
        verdict = self._judge(state.answers_mark or None, number, lowest)
        if verdict is Verdict.IGNORE:
            return state
        if verdict is Verdict.TAKE:
            if fact in state.got:
                raise Broken(f"session takes over the answer to fact {fact} twice")
            state = state._replace(answers_mark=number, got=(*state.got, fact))
        return state._replace(to_queue=self._on(state.to_queue, ("acknowledged", state.answers_mark)))

    def _link_hears(self, state: State, frame: Frame) -> State:
        call = Call(frame[1], frame[2])
        if frame[0] == "settled":
            return state._replace(link=settled(state.link, call))
        does = offered(state.link, call)
        if isinstance(does, Report):
            return self._reported(state, does)
        if isinstance(does, Send):
            return self._seen_at_the_socket(state._replace(link=sent(state.link, call)), call.message_id, frame[3])
        return state

    def _seen_at_the_socket(self, state: State, message_id: str, fact: int) -> State:
        """The promise: in order, each once, a repeat only where it is excused and with the same id and payload."""
        if fact == len(state.sent) + 1:
            return state._replace(sent=(*state.sent, (message_id, 0)))
        if fact > len(state.sent):
            raise Broken(f"fact {fact} is sent before fact {len(state.sent) + 1}")
        known, excused = state.sent[fact - 1]
        if known != message_id:
            raise Broken(f"fact {fact} is sent as {known} and as {message_id}")
        if fact < len(state.sent):
            raise Broken(f"fact {fact} is sent after fact {len(state.sent)}")
        if not excused:
            raise Broken(f"fact {fact} is sent again although neither link nor connection died")
        return state._replace(sent=(*state.sent[:-1], (known, excused - 1)))

    # what goes wrong

    def _losses(self, state: State) -> Iterator[Step]:
        less = state._replace(losses=state.losses - 1)
        for way in ("to_queue", "to_session", "to_link", "from_link"):
            frames = getattr(state, way)
            if frames:
                yield ("lost:", frames[0]), less._replace(**{way: frames[1:]})

    def _kills(self, state: State) -> Iterator[Step]:
        less = state._replace(kills=state.kills - 1)
        for kept in range(len(state.to_queue) + 1):
            yield ("kill session, frames left:", kept), less._replace(to_session=(), to_queue=state.to_queue[:kept])
        for kept in range(len(state.to_session) + 1):
            for also_kept in range(len(state.to_link) + 1):
                yield (
                    ("kill queue, frames left:", kept, also_kept),
                    less._replace(
                        to_queue=(),
                        from_link=(),
                        to_session=state.to_session[:kept],
                        to_link=state.to_link[:also_kept],
                    ),
                )
        holding = [report.call.message_id for report in state.link.unsettled]
        if state.link.in_flight is not None:
            holding.append(state.link.in_flight.message_id)
        excused = self._excused(less, holding)
        for kept in range(len(state.from_link) + 1):
            yield (
                ("kill link, frames left:", kept),
                excused._replace(link=LinkMemory(), to_link=(), from_link=state.from_link[:kept]),
            )
        if state.link.in_flight is not None:
            unanswered = [state.link.in_flight.message_id]
            yield ("connection lost",), self._ended(self._excused(less, unanswered), Outcome.CONNECTION_LOST)

    def _on(self, way: Way, frame: Frame) -> Way:
        """What has to be said at once is said however full the way is, but not while the same is waiting there."""
        return way if len(way) >= self.room and frame in way else (*way, frame)

    def _excused(self, state: State, unknown: list[str]) -> State:
        """With a link dies what it knew: what was in flight, and the outcomes that the queue had not yet settled."""
        if not state.sent or state.sent[-1][0] not in unknown:
            return state
        message_id, excused = state.sent[-1]
        return state._replace(sent=(*state.sent[:-1], (message_id, excused + 1)))


class Explored(NamedTuple):
    states: int
    steps: int
    done: int


def explore(model: Model) -> Explored:
    """Visits every state. Raises Broken, with the steps that lead there, for the first broken promise.

    Also broken: a state from which the end cannot be reached any more.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return _explore(model)
    finally:
        if collects:
            gc.enable()


def _explore(model: Model) -> Explored:
    numbers = {model.initial: 0}
    came_from: list[tuple[int, Label]] = [(-1, ())]
    earlier: list[list[int]] = [[]]
    waiting = deque([model.initial])
    steps = 0
    while waiting:
        state = waiting.popleft()
        number = numbers[state]
        label: Label = ()
        try:
            for label, following in model.steps(state):
                steps += 1
                known = numbers.get(following)
                if known is None:
                    known = numbers[following] = len(came_from)
                    came_from.append((number, label))
                    earlier.append([])
                    waiting.append(following)
                earlier[known].append(number)
        except Broken as error:
            raise Broken(f"{error}\n{_way_to(came_from, number)}\n  (after {label})") from None
    done = [number for state, number in numbers.items() if model.is_done(state)]
    reaching = set(done)
    back = list(done)
    while back:
        fresh = [number for number in earlier[back.pop()] if number not in reaching]
        reaching.update(fresh)
        back.extend(fresh)
    stuck = next((number for number in range(len(came_from)) if number not in reaching), None)
    if stuck is not None:
        raise Broken(f"the end cannot be reached any more\n{_way_to(came_from, stuck)}")
    return Explored(len(came_from), steps, len(done))


def _way_to(came_from: list[tuple[int, Label]], number: int) -> str:
    labels = []
    while number > 0:
        number, label = came_from[number]
        labels.append("  " + " ".join(str(word) for word in label))
    return "\n".join(reversed(labels))
