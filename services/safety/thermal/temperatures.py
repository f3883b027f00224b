"""What the sensors show: which readings are good, and what the housing's temperature is."""

from hardware.interfaces import Temperature
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment
from services.safety.thermal import climate, derating, reports
from services.safety.timings import BOOT_S, PILOT_FUTURE_S

VALID_S = 5.0
"""Age at which a sample of a temperature or a fan is stale: sensors are read about once a second."""
BACK_S = 2.0
"""After the board was away its sensors answer within this time."""
LOWEST_C, HIGHEST_C = -60.0, 150.0
"""Beyond: an open or shorted sensor, or the number a driver gives for none."""
NOT_GUARDING = frozenset({"rfid"})
"""Only reported: no rule depends on the card reader's temperature, and it stops nobody."""
OF_HOUSING = frozenset({"housing", "cpu"})


def observe(state: ConnectorState, moment: Moment) -> None:
    """Takes in what was read, and compares it with the thresholds."""
    if state.equipment.temperatures:
        _take_in(state, moment)
        _look_for_lost(state, moment)
        derating.judge(state)
    climate.observe_fan(state, moment)


def follow(state: ConnectorState, moment: Moment) -> None:
    """What follows once coil and pilot are decided."""
    climate.follow(state, moment)
    reports.follow(state, moment)


def usable(sample: Temperature | None, moment: Moment) -> float | None:
    """Degrees Celsius; None for a sample that is missing, not a number, out of range, stale or from the future."""
    if sample is None or not LOWEST_C <= sample.celsius <= HIGHEST_C or not _is_recent(sample, moment):
        return None
    moment.wake(sample.sampled_s + VALID_S + 1e-5)
    return sample.celsius


def _is_recent(sample: Temperature, moment: Moment) -> bool:
    return -PILOT_FUTURE_S <= moment.now_s - sample.sampled_s <= VALID_S


def _take_in(state: ConnectorState, moment: Moment) -> None:
    read = moment.readings.temperatures
    good: dict[str, float] = {}
    for name in state.equipment.temperatures:
        celsius = usable(read.get(name), moment)
        if celsius is not None:
            good[name] = celsius
    state.thermal.celsius = good
    state.thermal.housing_c = good.get("housing")
    if state.thermal.housing_c is None and "cpu" in good:
        state.thermal.housing_c = good["cpu"] + state.settings.ambient_delta_c


def _look_for_lost(state: ConnectorState, moment: Moment) -> None:
    """After the start the sensors are given the time of the self-test (T2) to answer for the first time."""
    thermal, guarding = state.thermal, state.equipment.temperatures - NOT_GUARDING
    away = guarding - thermal.celsius.keys()
    thermal.sensor_lost = bool(away) and (thermal.sensor_lost or _had_their_time(away, state, moment))
    unknown = bool(guarding) and away == guarding
    if not guarding.isdisjoint(OF_HOUSING):
        unknown = thermal.housing_c is None
    thermal.blind = unknown or (thermal.blind and "temperature_sensor_lost" in state.faults.active)


def _had_their_time(away: frozenset[str], state: ConnectorState, moment: Moment) -> bool:
    """A sensor that shows nonsense is lost at once. Where the pilot cannot be read either, the whole board is away:
    that is a fault of its own, and when the board is back its sensors are awaited."""
    samples = [sample for name in away if (sample := moment.readings.temperatures.get(name)) is not None]
    if any(_is_recent(sample, moment) for sample in samples):
        return True
    if state.pilot_sight.letter == "":
        return False
    if samples:
        return after(state.pilot_sight.run_start_s, BACK_S, moment)
    return after(state.begun_s, BOOT_S, moment)
