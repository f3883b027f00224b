"""One connected station, as the demo backend sees it: answers everything, and tells in one line what was said."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, DataTransferStatus, RegistrationStatus

HEARTBEAT_INTERVAL_S = 60
AGREEMENTS = frozenset({"Accepted", "Scheduled", "RebootRequired", "Unlocked"})
"""Statuses of the answers to our CALLs that mean yes."""


@dataclasses.dataclass
class Ledger:
    """What this backend remembers while it runs, of all stations."""

    blocked: set[str] = dataclasses.field(default_factory=set)
    transactions: dict[tuple[Any, ...], int] = dataclasses.field(default_factory=dict)
    """By everything that makes a StartTransaction the same when it is sent again."""
    last_number: int = 0

    def judge(self, id_tag: str) -> IdTagInfo:
        status = AuthorizationStatus.blocked if id_tag in self.blocked else AuthorizationStatus.accepted
        return IdTagInfo(status=status)

    def number_of(self, start: tuple[Any, ...]) -> int:
        """The same start has the same number, however often it arrives."""
        if start not in self.transactions:
            self.last_number += 1
            self.transactions[start] = self.last_number
        return self.transactions[start]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DemoStation(ChargePoint):
    """`tell` takes one line for people."""

    def __init__(self, identity: str, connection: Any, ledger: Ledger, tell: Callable[[str], None]) -> None:
        super().__init__(identity, connection, response_timeout=30)
        self._ledger = ledger
        self._tell = tell

    @on(Action.boot_notification)
    def on_boot(self, charge_point_vendor: str, charge_point_model: str, **_rest: Any) -> call_result.BootNotification:
        self._tell(f"BootNotification {charge_point_vendor} {charge_point_model}: accepted")
        return call_result.BootNotification(
            current_time=_now(), interval=HEARTBEAT_INTERVAL_S, status=RegistrationStatus.accepted
        )

    @on(Action.heartbeat)
    def on_heartbeat(self) -> call_result.Heartbeat:
        self._tell("Heartbeat")
        return call_result.Heartbeat(current_time=_now())

    @on(Action.authorize)
    def on_authorize(self, id_tag: str) -> call_result.Authorize:
        info = self._ledger.judge(id_tag)
        self._tell(f"Authorize {id_tag}: {info.status.value}")
        return call_result.Authorize(id_tag_info=info)

    @on(Action.status_notification)
    def on_status(self, connector_id: int, error_code: str, status: str, **rest: Any) -> call_result.StatusNotification:
        trouble = "" if error_code == "NoError" else f" {error_code} {rest.get('info', '')}"
        self._tell(f"StatusNotification connector {connector_id}: {status}{trouble}")
        return call_result.StatusNotification()

    @on(Action.start_transaction)
    def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_rest: Any
    ) -> call_result.StartTransaction:
        number = self._ledger.number_of((self.id, connector_id, id_tag, meter_start, timestamp))
        info = self._ledger.judge(id_tag)
        where = f"connector {connector_id}, {id_tag}, {meter_start} Wh"
        self._tell(f"StartTransaction {where}: transaction {number}, {info.status.value}")
        return call_result.StartTransaction(transaction_id=number, id_tag_info=info)

    @on(Action.meter_values)
    def on_meter_values(self, connector_id: int, meter_value: list[Any], **rest: Any) -> call_result.MeterValues:
        values = ", ".join(
            f"{sample.get('measurand', 'Energy')} {sample['value']} {sample.get('unit', '')}".strip()
            for each in meter_value[-1:]
            for sample in each["sampled_value"]
        )
        self._tell(f"MeterValues connector {connector_id}, transaction {rest.get('transaction_id', '-')}: {values}")
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def on_stop(self, meter_stop: int, timestamp: str, transaction_id: int, **rest: Any) -> call_result.StopTransaction:
        self._tell(f"StopTransaction {transaction_id}: {meter_stop} Wh, {rest.get('reason', 'Local')}, {timestamp}")
        return call_result.StopTransaction()

    @on(Action.data_transfer)
    def on_data(self, vendor_id: str, **_rest: Any) -> call_result.DataTransfer:
        self._tell(f"DataTransfer {vendor_id}")
        return call_result.DataTransfer(status=DataTransferStatus.unknown_vendor_id)


def is_refusal(answer: Any) -> bool:
    """The station understood and will not: Rejected, NotSupported, UnlockFailed ..."""
    return str(getattr(answer, "status", "Accepted")) not in AGREEMENTS


def words_of(answer: Any) -> str:
    """An answer in one line."""
    if answer is None:
        return "no answer"
    parts = []
    for name, value in dataclasses.asdict(answer).items():
        if value is None or value == []:
            continue
        if name == "configuration_key":
            rows = [f"\n  {row['key']} = {row.get('value', '')}{'  (read-only)' * row['readonly']}" for row in value]
            parts.append("".join(rows))
        else:
            parts.append(f"{name} {getattr(value, 'value', value)}")
    return ", ".join(parts) or "done"
