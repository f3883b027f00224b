"""What becomes of an active transaction after a new start of the whole station. Pure.

A transaction whose end was decided before keeps its reason and time and is only completed. A restart of `session` alone
(same start id) is none of this: the transaction simply goes on.
"""

from dataclasses import replace
from typing import NamedTuple

from schemas.safety import SafetyConnector
from schemas.session import StopReason
from schemas.system import BootReason
from services.session.transactions.record import Sample, Stop, Transaction
from services.session.transactions.rules import Presence, continues, observed, plug_of

BOOT_PATIENCE_S = 60.0
"""How long `system` may take to say why the station started."""
METER_PATIENCE_S = 60.0
"""How long a transaction that could resume waits for its meter."""

REASONS = {
    BootReason.POWER_LOSS: StopReason.POWER_LOSS,
    # system's own store was lost, ours was not: nothing announced the end of the run before.
    BootReason.FIRST_START: StopReason.POWER_LOSS,
    BootReason.SHUTDOWN: StopReason.REBOOT,
    BootReason.WATCHDOG: StopReason.REBOOT,
    BootReason.SOFT_RESET: StopReason.SOFT_RESET,
    BootReason.HARD_RESET: StopReason.HARD_RESET,
    BootReason.UNKNOWN: StopReason.OTHER,
}
RESETS = frozenset({BootReason.SOFT_RESET, BootReason.HARD_RESET, BootReason.WATCHDOG})
"""Announced by `system`: transactions end before the station restarts."""
ENDS_TRANSACTIONS = frozenset({BootReason.SOFT_RESET, BootReason.HARD_RESET})
"""OCPP 1.6 section 5.14: a reset stops every transaction, whatever `RestartTransAfterPowerLoss` says."""


class Recovery(NamedTuple):
    """One of three: resume as `resumed`, end with `stop`, or wait."""

    resumed: Transaction | None = None
    stop: Stop | None = None
    waiting_for: str = ""


def recover(
    transaction: Transaction,
    *,
    start_id: str,
    boot_reason: BootReason | None,
    restart_key: bool | None,
    safety: SafetyConnector | None,
    presence_now: Presence,
    sample: Sample | None,
    up_s: float,
) -> Recovery:
    """None = not heard yet (`safety`: not fresh). `up_s`: seconds since this process started."""
    if boot_reason is None and up_s < BOOT_PATIENCE_S:
        return Recovery(waiting_for="waiting for the system service")
    reason = boot_reason or BootReason.UNKNOWN
    ended = Recovery(stop=Stop(REASONS[reason], transaction.alive_wall_s))
    # The guide: a transaction that goes on after a power loss has no continuous signed record.
    if reason in ENDS_TRANSACTIONS or transaction.signed:
        return ended
    if restart_key is None:
        return Recovery(waiting_for="waiting for the settings service")
    if not restart_key:
        return ended
    if safety is None or presence_now is Presence.UNKNOWN:
        return Recovery(waiting_for="waiting for the safety service")
    if presence_now is Presence.GONE:
        return ended
    if sample is None:
        return ended if up_s >= METER_PATIENCE_S else Recovery(waiting_for="waiting for the meter")
    if not continues(transaction, sample):
        return ended
    return Recovery(resumed=replace(observed(transaction, sample), start_id=start_id, plug=plug_of(safety)))
