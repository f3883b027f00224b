"""What the primary meter shows of voltages and currents, and what follows from it.

A meter that is silent or was never heard blocks nothing here; what it cannot show is said in `unwatched`.
"""

from typing import NamedTuple

from services.safety.state import ConnectorState, MeterSight, Moment
from services.safety.supply import energy_input, flow, overload, restart, voltages
from services.safety.supply.state import NOT_WATCHED
from services.safety.timings import PILOT_FUTURE_S

VALID_S = 5.0
"""Age at which a sample is stale: the meter is read once a second."""
HIGHEST = 1000.0
"""Amperes and volts: beyond is no measurement (schemas/units.py)."""

Phases = tuple[float, float, float]


class Sample(NamedTuple):
    """A good sample. None = the meter does not measure it."""

    current_a: Phases | None
    voltage_v: Phases | None
    stamp_s: float
    phase_order: int | None
    register_wh: float | None


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read."""
    supply, sample = state.supply, usable(moment.readings.meter, moment)
    supply.unwatched = _unwatched(moment.readings.meter, sample)
    supply.fresh = sample is not None
    overload.remember_offer(state, moment)
    if sample is not None and sample.stamp_s > supply.stamp_s:
        supply.stamp_s = sample.stamp_s
        overload.take_in(state, sample.current_a, sample.stamp_s)
        flow.take_in(state, sample.current_a, sample.register_wh, sample.stamp_s)
        if sample.voltage_v is not None:
            voltages.take_in(state, sample.voltage_v, sample.stamp_s)
        voltages.take_in_order(state, sample.phase_order, sample.stamp_s)
    overload.judge(state, moment)
    energy_input.observe(state, moment)


def follow(state: ConnectorState, moment: Moment) -> None:
    """What follows once coil and pilot are decided."""
    restart.follow(state, moment)


def usable(sight: MeterSight | None, moment: Moment) -> Sample | None:
    """None while the meter is silent, its sample stale or impossible. One number that is none spoils its triple."""
    if sight is None or not sight.answers or not -PILOT_FUTURE_S <= moment.now_s - sight.sampled_s <= VALID_S:
        return None
    moment.wake(sight.sampled_s + VALID_S + 1e-5)
    return Sample(
        _possible(sight.current_a), _possible(sight.voltage_v), sight.sampled_s, sight.phase_order, sight.register_wh
    )


def _possible(values: Phases | None) -> Phases | None:
    # Nothing is less than NaN.
    return values if values is not None and all(abs(value) <= HIGHEST for value in values) else None


def _unwatched(sight: MeterSight | None, sample: Sample | None) -> str:
    if sight is None:
        return NOT_WATCHED
    if sample is None:
        return "currents and voltages are not watched: the meter does not answer"
    missing = [
        word for word, values in (("currents", sample.current_a), ("voltages", sample.voltage_v)) if values is None
    ]
    return f"{' and '.join(missing)} are not watched: the meter does not tell them" if missing else ""
