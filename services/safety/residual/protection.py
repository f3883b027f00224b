"""RCD, circuit breaker, monitoring relay and protective earth: contacts that are read, and a meter that falls silent.

A contact that has to be there and is not read is never good: it stops power as if it had struck.
"""

from collections.abc import Iterator

from services.safety.residual.state import Contact
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import BOOT_S, FEEDBACK_VALID_S, PILOT_FUTURE_S, UNREADABLE_S

EARTH_S = 1.0
"""Protective earth missing this long."""
METER_AFTER_S = 10.0
"""A meter that falls silent this soon after the coil was on has lost its supply, perhaps: `metering` takes 5 s."""
RCD_INPUTS = {"On": "rcd", "Opto input": "opto_1"}
"""RCDENABLE: where its contact is read."""
BY_METER = "Meter communication loss"


def rcd_input(state: ConnectorState) -> str:
    """Name of the input; empty = the RCD is not watched by a contact."""
    return RCD_INPUTS.get(state.settings.rcd, "")


def watched(state: ConnectorState) -> Iterator[str]:
    """The contacts that must be read: those that a key switches on, and those that are wired."""
    if rcd_input(state):
        yield rcd_input(state)
    if state.settings.monitoring_relay:
        yield "monitoring_relay"
    for name in ("mcb", "protective_earth"):
        if name in state.equipment.inputs:
            yield name


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read."""
    contacts, now_s, meter = state.residual.contacts, moment.now_s, moment.readings.meter
    state.residual.meter_answers = None if meter is None else meter.answers
    for name in watched(state):
        read, before = moment.readings.inputs.get(name), contacts.get(name)
        oldest_s = 0.0 if before is None else before.stamp_s
        if read is not None and oldest_s <= read.sampled_s <= now_s + PILOT_FUTURE_S:
            start_s = before.run_start_s if before is not None and before.active is read.closed else read.sampled_s
            contacts[name] = Contact(read.closed, read.sampled_s, start_s)
        if name in contacts:
            moment.wake(contacts[name].stamp_s + FEEDBACK_VALID_S + 1e-5)


def is_active(state: ConnectorState, name: str, now_s: float) -> bool | None:
    """None = not read, or too long ago."""
    contact = state.residual.contacts.get(name)
    if contact is None or now_s - contact.stamp_s > FEEDBACK_VALID_S:
        return None
    return contact.active


def unread(state: ConnectorState, name: str, moment: Moment) -> bool:
    """The contact has to be read and is not. Where the pilot cannot be read either, the whole board is away: that is a
    fault of its own, and says nothing about the device."""
    contact, sight = state.residual.contacts.get(name), state.pilot_sight
    if is_active(state, name, moment.now_s) is not None or sight.letter == "":
        return False
    if contact is None:
        return after(state.begun_s, BOOT_S, moment)
    if state.contactor.coil:
        return True
    return after(max(contact.stamp_s + FEEDBACK_VALID_S, sight.run_start_s), UNREADABLE_S, moment)


def has_struck(state: ConnectorState, name: str, moment: Moment) -> bool:
    return is_active(state, name, moment.now_s) is True or unread(state, name, moment)


def earth_is_lost(state: ConnectorState, moment: Moment) -> bool:
    """The contact is active while protective earth is connected."""
    name = "protective_earth"
    if name not in state.equipment.inputs:
        return False
    if is_active(state, name, moment.now_s) is False:
        return after(state.residual.contacts[name].run_start_s, EARTH_S, moment)
    return unread(state, name, moment)


def meter_lost_supply(state: ConnectorState, now_s: float) -> bool:
    """`metering` says that the meter is silent, and said so while the coil was on or shortly after, or the RCD was seen
    open before a restart."""
    contactor = state.contactor
    if state.settings.rcd != BY_METER or state.residual.meter_answers is not False:
        return False
    recently = contactor.off_s > state.begun_s and not due(contactor.off_s, METER_AFTER_S, now_s)
    return contactor.coil or recently or state.memory.rcd_open or "rcd_maybe_tripped" in state.faults.active


def refusal(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """(why a protective device forbids an offer, boot-clock time of the next try)."""
    if any(is_active(state, name, now_s) is None for name in watched(state)):
        return "waiting for the contacts of RCD, circuit breaker and earth to be read", 0.0
    if state.settings.rcd == BY_METER and state.residual.meter_answers is not True:
        return "waiting for the meter: while it is silent the RCD may have tripped", 0.0
    if state.residual.pulse_s is not None or state.residual.reset_s is not None:
        return "waiting: the RCD is being closed", 0.0
    return "", 0.0
