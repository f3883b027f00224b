"""The configuration keys that the safety rules of one connector obey, as values. Pure.

Read at the start and between charges, never changed while a contactor is closed (`seat.py`).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class SafetySettings(NamedTuple):
    """Before any key is known: nothing may charge (`hardware_limit_a` is 0), and every check is on."""

    hardware_limit_a: float = 0.0
    """HardwareCurrentLimit."""
    # pilot, lock, phases
    diode_before_closing: bool = True
    """CPDiodeDetection. Off: the diode is checked while charging only."""
    pause_in_state_d: bool = True
    """PauseChargingStateD. Off: state D charges where a ventilation output is fitted."""
    lock_if_authorized: bool = True
    """LockIfAuthorized. Off: the plug is locked as soon as it is inserted."""
    lock_permanently: bool = False
    """LockPermanently."""
    cable_attached: bool | None = None
    """CableAttached; None = as the station file says."""
    actuator: str = ""
    """EOActuatorType; empty = as the station file says."""
    pilot_calibration: str = "Off"
    """AdcCpCalibrationCfg."""
    # welding
    weld_check: str = "Disable"
    """WeldCheck. A mounted mirror contact is always used."""
    weld_input_type: str = "Normally open"
    """WeldCheckInType."""
    weld_auxiliary: bool = False
    """WeldCheckAuxRelay: the auxiliary output is on while the contactor is welded."""
    # residual current and protective devices
    residual_mode: str = "IEC62752"
    """RCMBIEC62955Mode."""
    residual_delta_ma: float = 0.0
    """RCMBDelta, 0 = no notification."""
    rcd: str = "Off"
    """RCDENABLE."""
    monitoring_relay: bool = False
    """MonitoringRelayInput."""
    reclosure: bool = False
    """RCDAUTORECLOSURE."""
    reclosure_delay_s: float = 60.0
    """RCDAUTORECLOSUREDELAY."""
    reclosure_attempts: int = 3
    """RCDAUTORECLOSUREATTEMPTS."""
    # temperature
    reduce_above_c: float = 65.0
    """TempReduceThreshold1."""
    stop_above_c: float = 75.0
    """TempStopThreshold2."""
    reduced_current_a: float = 10.0
    """ReducedCurrent."""
    reduced_percent: float = 0.0
    """ReducedCurrentPct; 0 = the amperes of ReducedCurrent hold."""
    ambient_delta_c: float = 0.0
    """AmbientCpuDelta: added to what the board's sensor shows."""
    report_delta_c: float = 0.0
    """TempDelta, 0 = no report."""
    climate_mode: str = "Off"
    """VentHeatingCtrlMode."""
    climate_threshold_c: float = 40.0
    """VentHeatingTempThr."""
    climate_hysteresis_c: float = 5.0
    """VentHeatingHyst."""
    # currents
    check_overcurrent: bool = False
    """CheckCarOverCurrent: the vehicle is told less when it draws more than it may."""
    overcurrent_stop_percent: float = 25.0
    """CheckCarOverCurrentStopLimit."""
    line_voltage_v: float = 230.0
    """PowerLineVoltage (subject metering)."""
    random_restart: bool = False
    """RandomRestartAfterPowerLoss."""
    energy_input: bool = False
    """EnergyManInputPowerLimitCfg."""
    energy_input_limit_a: float = 6.0
    """EnergyManInputPowerCurrentLim; 0 pauses."""
    # wear
    contactor_lifetime: int = 0
    """Type2ContactorLifetime, cycles; 0 = not watched."""
    plug_lifetime: int = 0
    """Type2PlugLifetime, cycles; 0 = not watched."""
    load_threshold_a: float = 6.0
    """ThresholdContactorCurrentUnderLoad."""
    load_cycles_limit: int = 0
    """ContactorCyclesUnderloadLimit; 0 = not watched."""
    # inputs and outputs
    surge_protection: bool = False
    """SPDCFG."""
    tamper: bool = False
    """TamperDetectionInputEnable."""
    relay_2_pattern: str = "Off"
    """PatternOnRelayK2."""
    backend_controlled: bool = False
    """InputOutputBackendControlledMode."""
    notify_inputs: bool = False
    """InputChangeNotifyBackend."""
    schuko: bool = False
    """OCPPSchuko."""


NO_SETTINGS = SafetySettings()


def _switch(text: str) -> bool:
    """Booleans, and enumerations that only say off and on."""
    known = {"true": True, "false": False, "On": True, "Off": False, "Enable": True, "Disable": False}
    return known[text]


def _limit(text: str) -> float:
    limit_a = float(text)
    if not 6.0 <= limit_a <= 80.0:
        raise ValueError(text)
    return limit_a


def _finite(text: str) -> float:
    value = float(text)
    if not -1e6 < value < 1e6:
        raise ValueError(text)
    return value


def _tenth(text: str) -> float:
    return _finite(text) / 10.0


FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "HardwareCurrentLimit": ("hardware_limit_a", _limit),
    "CPDiodeDetection": ("diode_before_closing", _switch),
    "PauseChargingStateD": ("pause_in_state_d", _switch),
    "LockIfAuthorized": ("lock_if_authorized", _switch),
    "LockPermanently": ("lock_permanently", _switch),
    "CableAttached": ("cable_attached", _switch),
    "EOActuatorType": ("actuator", str),
    "AdcCpCalibrationCfg": ("pilot_calibration", str),
    "WeldCheck": ("weld_check", str),
    "WeldCheckInType": ("weld_input_type", str),
    "WeldCheckAuxRelay": ("weld_auxiliary", _switch),
    "RCMBIEC62955Mode": ("residual_mode", str),
    "RCMBDelta": ("residual_delta_ma", _tenth),
    "RCDENABLE": ("rcd", str),
    "MonitoringRelayInput": ("monitoring_relay", _switch),
    "RCDAUTORECLOSURE": ("reclosure", _switch),
    "RCDAUTORECLOSUREDELAY": ("reclosure_delay_s", _finite),
    "RCDAUTORECLOSUREATTEMPTS": ("reclosure_attempts", int),
    "TempReduceThreshold1": ("reduce_above_c", _finite),
    "TempStopThreshold2": ("stop_above_c", _finite),
    "ReducedCurrent": ("reduced_current_a", _finite),
    "ReducedCurrentPct": ("reduced_percent", _finite),
    "AmbientCpuDelta": ("ambient_delta_c", _finite),
    "TempDelta": ("report_delta_c", _finite),
    "VentHeatingCtrlMode": ("climate_mode", str),
    "VentHeatingTempThr": ("climate_threshold_c", _finite),
    "VentHeatingHyst": ("climate_hysteresis_c", _finite),
    "CheckCarOverCurrent": ("check_overcurrent", _switch),
    "CheckCarOverCurrentStopLimit": ("overcurrent_stop_percent", _finite),
    "PowerLineVoltage": ("line_voltage_v", _finite),
    "RandomRestartAfterPowerLoss": ("random_restart", _switch),
    "EnergyManInputPowerLimitCfg": ("energy_input", _switch),
    "EnergyManInputPowerCurrentLim": ("energy_input_limit_a", _finite),
    "Type2ContactorLifetime": ("contactor_lifetime", int),
    "Type2PlugLifetime": ("plug_lifetime", int),
    "ThresholdContactorCurrentUnderLoad": ("load_threshold_a", _finite),
    "ContactorCyclesUnderloadLimit": ("load_cycles_limit", int),
    "SPDCFG": ("surge_protection", _switch),
    "TamperDetectionInputEnable": ("tamper", _switch),
    "PatternOnRelayK2": ("relay_2_pattern", str),
    "InputOutputBackendControlledMode": ("backend_controlled", _switch),
    "InputChangeNotifyBackend": ("notify_inputs", _switch),
    "OCPPSchuko": ("schuko", _switch),
}
"""Key, field, and how its text becomes a value."""


OF_MOUNTING = frozenset({"CableAttached", "EOActuatorType", "WeldCheck", "WeldCheckInType", "PatternOnRelayK2"})
"""They say what is mounted (`equipment.py`), or what stands in the path of power."""


def relevant(values: Mapping[str, str], connector: int) -> dict[str, str]:
    """The texts of these keys for one connector: what the journal keeps for a start without `settings`."""
    texts = {name: values.get(f"{name}[{connector}]", values.get(name)) for name in FIELDS}
    return {name: text for name, text in texts.items() if text is not None}


def as_mounted(texts: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """`texts` with what is mounted as it was `before`."""
    others = {name: text for name, text in texts.items() if name not in OF_MOUNTING}
    return others | {name: text for name, text in before.items() if name in OF_MOUNTING}


def parsed(texts: Mapping[str, str], before: SafetySettings | None = None) -> SafetySettings:
    """A text that cannot be used changes nothing: the value of `before`, or the strict one, stays."""
    settings = before or NO_SETTINGS
    usable: dict[str, Any] = {}
    for name, text in texts.items():
        known = FIELDS.get(name)
        if known is None:
            continue
        field, convert = known
        try:
            usable[field] = convert(text)
        except (ValueError, KeyError):
            continue
    return settings._replace(**usable)
