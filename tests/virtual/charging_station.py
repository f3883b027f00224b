"""The whole virtual station with eyes: what a car, a person and the billing office saw of it.

station = ChargingStation(tmp_path, FreeCharging="true")
station.plug_in()
station.swipe("CARD-1")
station.until_current_flows()
station.check_bills()
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bus.topics import FAULTS, HMI_CONNECTOR, SESSION_CONNECTOR, SESSION_FACT, Topic
from hardware.sim.site.car import Ev
from hardware.sim.site.connector import Connector
from schemas.base import ActiveFaults, Message
from schemas.hmi import LightPattern
from schemas.session import ConnectorStatus, TransactionStarted, TransactionStopped
from tests.backend.scripted import ScriptedBackend
from tests.virtual_cell import Process
from tests.virtual_station import VirtualStation

CARD, OTHER_CARD = "CARD-1", "CARD-2"
Status = ConnectorStatus


class Bill(NamedTuple):
    """One transaction as the billing office knows it."""

    started: TransactionStarted
    stopped: TransactionStopped | None

    @property
    def energy_wh(self) -> int:
        assert self.stopped is not None, "the transaction is still open"
        return self.stopped.meter_stop_wh - self.started.meter_start_wh


class Cut(BaseException):
    """The mains are gone in the middle of whatever was going on."""


class Edge(NamedTuple):
    """A fault was raised or cleared."""

    raised: bool
    at_s: float


def station_file(
    connectors: int = 1, fields: str = "", cards: tuple[str, ...] = (CARD, OTHER_CARD), **settings: str
) -> str:
    """`fields`: further lines of each connector's section. `cards`: the list of the station file."""
    sections = "\n".join(f"[connector.{number}]\n{fields}" for number in range(1, connectors + 1))
    keys = "\n".join(f'{name} = "{value}"' for name, value in settings.items())
    listed = f"[cards]\nlocal = {list(cards)}"
    return f'[station]\nserial = "VIRTUAL-1"\n{sections}\n{listed}\n[settings]\n{keys}\n'


class ChargingStation(VirtualStation):
    def __init__(
        self,
        path: Path,
        *,
        connectors: int = 1,
        fields: str = "",
        power: bool = True,
        backend: ScriptedBackend | None = None,
        cards: tuple[str, ...] = (CARD, OTHER_CARD),
        text: str = "",
        **settings: str,
    ) -> None:
        """`text`: the whole station file, instead of what the other arguments make."""
        self.least_a: float | None = None
        """Smallest current of connector 1 since `watch_current`; None = nobody watches."""
        self.events = 0
        """Everything that happened: a frame said, a process with something to do."""
        self.cut_at: int | None = None
        """The power is cut at this event."""
        text = text or station_file(connectors, fields, cards, **settings)
        super().__init__(path, text, power=power, backend=backend)
        self.hub.taps.insert(0, self._count_frame)
        if power:
            self.until_heard()

    def until_heard(self) -> None:
        """Every connector has been spoken of, and knows its vehicle or that there is none."""
        self.until(lambda: all(self._is_known(number) for number in self.station.connectors), within_s=10.0)

    def _is_known(self, number: int) -> bool:
        return self.status(number) not in (Status.UNKNOWN, Status.UNAVAILABLE)

    # doing

    def plug_in(self, connector: int = 1, cable_a: int | None = None, **vehicle: Any) -> None:
        self.site.advance(self.clock.boot_s)
        self.site.plug_in(connector, Ev(**vehicle), cable_a)

    def unplug(self, connector: int = 1, *, force: bool = True, cable_stays: bool = False) -> None:
        self.site.advance(self.clock.boot_s)
        self.site.plug_out(connector, force=force, cable_stays=cable_stays)

    def fault(self, name: str, on: bool = True, connector: int = 1, value: float | None = None) -> None:
        self.site.advance(self.clock.boot_s)
        self.site.fault(name, connector, on, value)

    def charge(self, connector: int = 1, **vehicle: Any) -> None:
        """Plug in, card, until current flows."""
        self.plug_in(connector, **vehicle)
        self.advance(0.5)
        self.swipe(CARD)
        self.until_current_flows(connector)

    def until_status(self, status: ConnectorStatus, connector: int = 1, within_s: float = 30.0) -> float:
        return self.until(lambda: self.status(connector) is status, within_s)

    def until_current_flows(self, connector: int = 1, within_s: float = 30.0) -> float:
        return self.until(lambda: self.flows(connector) and self.status(connector) is Status.CHARGING, within_s)

    def until_ended(self, transactions: int = 1, within_s: float = 40.0) -> float:
        """So many Stopped facts are out."""
        return self.until(lambda: sum(bill.stopped is not None for bill in self.bills()) >= transactions, within_s)

    def swipe_until(self, condition: Callable[[], bool], id_tag: str = CARD, within_s: float = 25.0) -> None:
        """As a person does: again, when the card had no effect."""
        for _ in range(4):
            self.swipe(id_tag)
            try:
                self.until(condition, within_s)
            except AssertionError:
                continue
            return
        raise AssertionError(f"the card has no effect: {self.status()}, {self.last(SESSION_CONNECTOR, '1')}")

    # mains

    def power_cut(self) -> None:
        self.cut_at = None
        super().power_cut()

    def _count_frame(self, _owner: str, _frame: bytes) -> None:
        self._count()

    def _turn(self, process: Process) -> None:
        idle_loop = process.has_hardware and not process.endpoint.inbox and process.heartbeat_s > self.clock.boot_s
        if not idle_loop:
            self._count()
        super()._turn(process)

    def _count(self) -> None:
        self.events += 1
        if self.cut_at is not None and self.events > self.cut_at:
            raise Cut

    # the site

    def connector(self, number: int = 1) -> Connector:
        return self.site.connectors[number]

    def locked(self, number: int = 1) -> bool:
        """Whether the bolt holds the plug."""
        lock = self.connector(number).lock
        assert lock is not None, "this connector has no lock"
        return lock.locked

    def current_a(self, number: int = 1) -> float:
        return self.site.flows[number].current_a[0]

    def flows(self, number: int = 1) -> bool:
        return self.current_a(number) > 0.0

    def register_wh(self, number: int = 1) -> int:
        return self.site.meters[f"connector.{number}"].register_wh

    def until_open(self, connector: int = 1, within_s: float = 0.1) -> float:
        """Until the main contacts are open; returns how long it took."""
        return self.until(lambda: not self.connector(connector).contactor.closed, within_s)

    def watch_current(self) -> None:
        """From now on `least_a` is the smallest current the car gets."""
        self.least_a = self.current_a()

    def _advance_site(self, now_s: float) -> int:
        revision = super()._advance_site(now_s)
        for number, each in self.site.connectors.items():
            live = each.contactor.closed and each.lock is not None and each.cable_a is not None
            assert not live or each.lock.locked, f"connector {number}: the plug is not locked while it is live"
        if self.least_a is not None:
            self.least_a = min(self.least_a, self.current_a())
        return revision

    # what was said

    def status(self, connector: int = 1) -> ConnectorStatus:
        """Also before `session` has said anything."""
        body = self.last(SESSION_CONNECTOR, str(connector))
        return body.status if body is not None else Status.UNKNOWN

    def statuses(self, connector: int = 1, since: int = 0) -> list[ConnectorStatus]:
        """In order, each until the next. `since`: a place in `said`."""
        return _changes([body.status for body in self._bodies(SESSION_CONNECTOR, connector, since)])

    def lights(self, connector: int = 1, since: int = 0) -> list[LightPattern]:
        return _changes([body.light for body in self._bodies(HMI_CONNECTOR, connector, since)])

    def _bodies(self, topic: Topic[Any], connector: int, since: int) -> list[Any]:
        return [m.body for m in self.said[since:] if m.topic is topic and m.key == str(connector) and not m.resent]

    def freeze(self, owner: str, for_s: float) -> None:
        """SIGSTOP, and SIGCONT so much later."""
        self.settle()
        process = self.processes.pop(owner)
        self.advance(for_s)
        self.processes[owner] = process

    def light(self, connector: int = 1) -> LightPattern:
        body = self.last(HMI_CONNECTOR, str(connector))
        return body.light if body is not None else LightPattern.UNKNOWN

    def edges(self, code: str, owner: str = "safety", connector: int = 1) -> list[Edge]:
        """Rises and clears of one fault, as its owner told them. An owner that restarts begins anew."""
        edges, was_active, run_id = [], False, ""
        for message in self.said:
            if message.topic is not FAULTS[owner] or message.resent:
                continue
            was_active = was_active and message.run_id == run_id
            run_id = message.run_id
            is_active = _has(message.body, code, connector)
            if is_active != was_active:
                edges.append(Edge(is_active, message.sent_s))
            was_active = is_active
        return edges

    # the bill

    def bills(self) -> list[Bill]:
        """Every transaction, from the stream of facts alone; fails on a hole, a double or a contradiction."""
        facts: dict[int, Message] = {}
        streams = set()
        for message in self.said:
            if message.topic is SESSION_FACT:
                fact = message.body
                streams.add(fact.stream_id)
                assert facts.setdefault(fact.number, fact.body) == fact.body, f"fact {fact.number} was told twice"
        assert len(streams) <= 1, f"several streams: {streams}"
        assert sorted(facts) == list(range(1, len(facts) + 1)), f"facts with holes: {sorted(facts)}"
        return bills_of([facts[number] for number in sorted(facts)])

    def bill(self) -> Bill:
        """Of the only transaction."""
        (bill,) = self.bills()
        return bill


def bills_of(facts: list[Any]) -> list[Bill]:
    """Pairs facts in the order of their numbers; a connector never has two open transactions."""
    bills: dict[str, Bill] = {}
    for fact in facts:
        if isinstance(fact, TransactionStarted):
            assert fact.transaction_id not in bills, f"{fact.transaction_id} started twice"
            still_open = [b for b in bills.values() if b.stopped is None and b.started.connector == fact.connector]
            assert not still_open, f"connector {fact.connector} had an open transaction: {still_open}"
            bills[fact.transaction_id] = Bill(fact, None)
        elif isinstance(fact, TransactionStopped):
            before = bills.get(fact.transaction_id)
            assert before is not None, f"{fact.transaction_id} stopped but never started"
            assert before.stopped is None, f"{fact.transaction_id} stopped twice"
            assert fact.meter_stop_wh >= before.started.meter_start_wh
            assert fact.stopped_wall_s >= before.started.started_wall_s
            bills[fact.transaction_id] = Bill(before.started, fact)
    return list(bills.values())


def _has(body: ActiveFaults, code: str, connector: int) -> bool:
    return any(fault.code == code and fault.connector == connector for fault in body.faults)


def _changes(values: list[Any]) -> list[Any]:
    return [value for place, value in enumerate(values) if place == 0 or values[place - 1] is not value]
