"""RandomRestartAfterPowerLoss: stations of one street do not start together when the mains come back.

The wait is drawn from the station's serial number, the start of the station and the connector: stations differ, and the
same events give the same wait.
"""

import zlib

from hardware.interfaces import PilotMode
from services.safety.state import ConnectorState, Moment
from services.safety.timings import BOOT_S, LONGEST_WAIT_S

_SPREAD = "waiting: charging starts at a random time within 5 minutes after a power failure"


def drawn_s(seed: str) -> float:
    """A wait between 0 and LONGEST_WAIT_S; the same one for the same text."""
    # no cryptography here: a digest would load a library of some megabytes
    return LONGEST_WAIT_S * zlib.crc32(seed.encode()) / 2**32


def follow(state: ConnectorState, moment: Moment) -> None:
    supply, now_s = state.supply, moment.now_s
    low = "undervoltage" in state.faults.active
    returned, supply.was_low = supply.was_low and not low, low
    _hear_boot(state, moment)
    if returned:
        supply.returns += 1
        _wait(state, f"mains {supply.returns}", moment)
    if now_s < state.memory.wait_until_s:
        moment.wake(state.memory.wait_until_s)
        return
    state.memory.wait_until_s = 0.0
    boot = moment.readings.boot
    if boot is not None and boot.power_loss:
        state.memory.restarted_for = boot.start_id


def _hear_boot(state: ConnectorState, moment: Moment) -> None:
    """Once. A process that is restarted later in the same start of the station has waited already."""
    boot, supply = moment.readings.boot, state.supply
    if boot is None or supply.boot_heard:
        return
    supply.boot_heard = True
    memory = state.memory
    if memory.wait_start not in ("", boot.start_id):
        memory.wait_until_s = 0.0
    waits_for = boot.power_loss and memory.wait_until_s == 0.0 and memory.restarted_for != boot.start_id
    if waits_for and state.pilot.mode is not PilotMode.PWM:
        _wait(state, "start", moment)


def _wait(state: ConnectorState, what: str, moment: Moment) -> None:
    """Kept whatever the key says: it may be heard later than the start."""
    boot = moment.readings.boot
    station = f"{boot.serial}/{boot.start_id}" if boot is not None else ""
    state.memory.wait_start = boot.start_id if boot is not None else ""
    wait_s = drawn_s(f"{station}/{state.equipment.connector}/{what}")
    state.memory.wait_until_s = max(state.memory.wait_until_s, moment.now_s + wait_s)


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """After the start `system` is given the time of the self-test to say why the station has started."""
    if not state.settings.random_restart:
        return "", 0.0
    supply, wait_until_s = state.supply, state.memory.wait_until_s
    if now_s < wait_until_s:
        return _SPREAD, wait_until_s
    if supply.was_low:
        return _SPREAD, 0.0
    told_by_s = state.started_s + BOOT_S
    if not supply.boot_heard and now_s < told_by_s:
        return "waiting to be told why the station has started", told_by_s
    return "", 0.0
