"""The catalogue of faults: one row each, used by OCPP, the user interfaces, the display and the keys `ErrorsList` and
`ErrorResolution`.

Texts follow the guide's section 9.3 to the letter where it gives one. The internal code is NN-NN-NNN: area, part and
number.
Areas: 01 OCPP, 02 safety, 03 metering, 04 session, 05 settings, 06 system.
"""

from enum import Enum
from typing import NamedTuple


class FaultClass(str, Enum):
    """What a fault does to power (worst last)."""

    WARN = "W"
    """Told to people; power flows on."""
    DERATE = "D"
    """Less current."""
    PAUSE = "P"
    """Offer withdrawn; the contactor opens when the vehicle has stopped, at the latest after 6 s."""
    STOP = "S"
    """Contactor opens in the same step; recovers by itself, at most three times per plug-in."""
    LATCH = "L"
    """As stop, and stays until the vehicle is unplugged."""
    LOCKOUT = "X"
    """As stop, and stays until service resets it; survives restarts."""


class Fault(NamedTuple):
    code: str
    fault_class: FaultClass
    text: str
    instruction: str
    """What a person does about it."""
    error_code: str
    """OCPP 1.6 ChargePointErrorCode."""
    internal_code: str
    resolved: str = ""
    """How the backend hears its end where `text` with the word "resolved" is longer than 50 characters."""


_W, _D, _P = FaultClass.WARN, FaultClass.DERATE, FaultClass.PAUSE
_S, _L, _X = FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT
_EV, _POWER_SWITCH, _LOCK = "EVCommunicationError", "PowerSwitchFailure", "ConnectorLockFailure"
_METER, _INTERNAL, _OTHER = "PowerMeterFailure", "InternalError", "OtherError"
_GROUND, _OVERCURRENT, _HOT = "GroundFailure", "OverCurrentFailure", "HighTemperature"
_RESIDUAL = "Residual current detected via sensor"

_ROWS = (
    # safety. The order here is the order in which people are shown several faults.
    Fault("contactor_welded", _X, "Contactor welded",
          "Switch off the supply of this station and call service: the socket may be live. "
          "When it is put right: chargectl safety clear-lockout.",
          _POWER_SWITCH, "02-03-001"),
    Fault("journal_unreadable", _X, "Safety journal unreadable",
          "The station charges again when its contacts are proven open; without a mirror contact call service, "
          "who checks them and ends it: chargectl safety clear-lockout.",
          _INTERNAL, "02-05-001"),
    Fault("emergency_stop", _L, "Emergency stop pressed",
          "Release the emergency stop when the danger is over, and unplug the vehicle.", _OTHER, "02-10-001"),
    Fault("tilted", _L, "Station stands askew",
          "Have the station and its fixing checked, then end this: chargectl safety clear-lockout.",
          _OTHER, "02-10-002"),
    Fault("flooded", _L, "Water in the station",
          "Switch off the supply, have the station dried and checked, then end this: chargectl safety clear-lockout.",
          _OTHER, "02-10-010"),
    Fault("residual_current_dc", _L, _RESIDUAL,
          "Unplug the vehicle and have it checked; the station tests its sensor and is then ready again.",
          _GROUND, "02-06-001"),
    Fault("residual_current_rms", _L, _RESIDUAL,
          "Unplug the vehicle and have it checked; the station tests its sensor and is then ready again.",
          _GROUND, "02-06-002"),
    Fault("residual_sensor_failed", _L, "Residual current sensor failed",
          "Unplug the vehicle; if it comes back, call service to check the residual current module and its wiring.",
          _GROUND, "02-06-003"),
    Fault("residual_self_test_failed", _L, "Residual current sensor failed its self-test",
          "Nothing charges here until a self-test has passed: call service to check the residual current module.",
          _GROUND, "02-06-004", "Residual sensor failed its self-test resolved"),
    Fault("protective_earth_lost", _L, "Protective earth is missing",
          "Do not touch the station; call an electrician to check the protective earth.", _GROUND, "02-07-005"),
    Fault("contactor_no_close", _L, "Contactor did not close",
          "Unplug the vehicle and try again. If it comes back, call service to check the contactor.",
          _POWER_SWITCH, "02-03-002"),
    Fault("pilot_diode", _L, "Vehicle diode check failed - tamper detection",
          "Unplug the vehicle. If another vehicle charges here, have this vehicle or its cable checked.",
          _EV, "02-01-003", "Vehicle diode check failed resolved"),
    Fault("proximity_lost", _L, "Plug contact lost while charging",
          "Unplug the cable at the station, check that the plug is clean and fully inserted, plug in again.",
          _OTHER, "02-02-002"),
    Fault("proximity_invalid", _L, "Cable not recognised",
          "Unplug the cable at the station and plug it in fully; if it comes back, try another cable.",
          _OTHER, "02-02-001"),
    Fault("lock_failed", _L, "Plug locking failed",
          "Unplug, then push the plug fully into the socket again.", _LOCK, "02-04-001"),
    Fault("lock_unexpected_open", _S, "Plug lock opened while charging",
          "Push the plug fully into the socket; charging resumes by itself. If it comes back, call service.",
          _LOCK, "02-04-002"),
    Fault("contactor_unexpected_open", _S, "Contactor opened by itself",
          "Charging is tried again by itself. If it comes back, call service to check the coil supply.",
          _POWER_SWITCH, "02-03-003"),
    Fault("contactor_unreadable", _S, "Contactor feedback unreadable",
          "Call service to check the mirror contact and its wiring.", _POWER_SWITCH, "02-03-005"),
    Fault("pilot_shorted", _S, "Vehicle signals error",
          "Unplug the vehicle and plug it in again. If it comes back, check cable and vehicle.", _EV, "02-01-001"),
    Fault("pilot_level_invalid", _S, "Control pilot level invalid",
          "Unplug the vehicle and plug it in again. If it comes back, check cable and vehicle.", _EV, "02-01-002"),
    Fault("pilot_output", _S, "Control pilot output failed",
          "Charging is tried again by itself. If it comes back, call service to check the pilot generator.",
          _INTERNAL, "02-01-004"),
    Fault("pilot_unreadable", _S, "Control pilot unreadable",
          "Charging resumes by itself when the measurement is back. If it stays, call service to check the board.",
          _INTERNAL, "02-01-005"),
    Fault("internal_error", _S, "Internal error of the safety process",
          "Charging is tried again by itself. If it comes back, send the log of service safety to support.",
          _INTERNAL, "02-05-002"),
    Fault("board_trouble", _S, "Board does not answer",
          "Charging resumes by itself when the board answers. If it stays, call service to check the board's link.",
          _INTERNAL, "02-12-001"),
    Fault("output_mismatch", _S, "Output does not follow its command",
          "Charging is tried again by itself. If it comes back, call service to check the board.",
          _INTERNAL, "02-12-002"),
    Fault("rcd_tripped", _S, "RCD triggered",
          "Find out why it tripped; then switch the residual current device on again.", _GROUND, "02-07-001"),
    Fault("rcd_maybe_tripped", _S, "RCD may be triggered (OCPP meter power loss)",
          "Check the residual current device and the supply of the meter.",
          _GROUND, "02-07-002", "RCD may be triggered (meter power loss) resolved"),
    Fault("mcb_tripped", _S, "MCB of type 2 socket triggered",
          "Find out why it tripped; then switch the circuit breaker on again.", _OVERCURRENT, "02-07-003"),
    Fault("schuko_mcb_tripped", _S, "MCB of domestic socket triggered",
          "Find out why it tripped; then switch the circuit breaker on again.", _OVERCURRENT, "02-07-006"),
    Fault("monitoring_relay_tripped", _S, "RCD or MCB triggered (monitoring relay)",
          "Check the residual current device and the circuit breaker; find out why one of them tripped.",
          _GROUND, "02-07-004"),
    Fault("overcurrent", _S, "Vehicle draws too much current",
          "Unplug the vehicle and have it checked; charging is tried again after a minute.",
          _OVERCURRENT, "02-09-001"),
    Fault("overcurrent_hard", _S, "Overcurrent: switched off at once",
          "Unplug the vehicle and have it checked; charging is tried again after a minute.",
          _OVERCURRENT, "02-09-002"),
    Fault("temperature_limit", _S, "Temperature reaches safety limit - emergency stop",
          "Charging resumes when it has cooled down. Have ventilation and connections checked.",
          _HOT, "02-08-001", "Temperature reaches safety limit resolved"),
    Fault("plug_overheated", _S, "Plug contact too hot",
          "Unplug the cable and look for burnt contacts; call service if there are any.", _HOT, "02-08-002"),
    Fault("phase_relay_stuck", _S, "Phase relay does not follow its command",
          "Call service to check the relay that switches between one and three phases.", _POWER_SWITCH, "02-03-006"),
    Fault("temperature_high", _P, "Housing temperature too high - charging paused",
          "Charging resumes by itself when it has cooled down; shade and free air help.",
          _HOT, "02-08-003", "Housing temperature too high resolved"),
    Fault("undervoltage", _P, "Mains voltage too low",
          "Charging resumes by itself when the voltage is back.", "UnderVoltage", "02-09-003"),
    Fault("overvoltage", _P, "Mains voltage too high",
          "Charging resumes by itself when the voltage is back. If it comes back, call an electrician.",
          "OverVoltage", "02-09-004"),
    Fault("ventilation_required", _P, "Vehicle demands ventilation",
          "This station has no ventilation: charge this vehicle at a station that has one.", _OTHER, "02-01-006"),
    Fault("temperature_derated", _D, "Housing temperature high - current reduced",
          "Charging goes on with less current until it has cooled down.",
          _HOT, "02-08-004", "Housing temperature high resolved"),
    Fault("temperature_sensor_lost", _D, "Temperature sensor failed",
          "Charging goes on with the smallest current. Call service to check the sensor.", _OTHER, "02-08-005"),
    Fault("fan_stuck", _W, "Fan does not turn", "Have the fan cleaned or replaced.", _OTHER, "02-08-006"),
    Fault("phase_missing", _W, "Phase missing",
          "Check the fuses of this station: a phase carries no voltage.", _OTHER, "02-09-005"),
    Fault("phase_sequence", _W, "Phases are connected in the wrong order",
          "Have an electrician check the order of the phases in the supply and at the meter, and correct it.",
          _OTHER, "02-09-006"),
    Fault("surge_protection_spent", _W, "Surge protection device spent",
          "Have the surge protection device replaced.", _OTHER, "02-07-007"),
    Fault("tampered", _W, "Housing is open", "Somebody opened the housing: have a look at the station.",
          _OTHER, "02-10-003"),
    Fault("release_energy_low", _W, "Emergency release of the plug lock is not charged",
          "Without supply the plug may stay locked: have the lock's energy store checked.",
          _LOCK, "02-04-004", "Emergency release is not charged resolved"),
    Fault("contactor_worn_out", _W, "Contactor has reached its lifetime",
          "Have the contactor replaced, then set its counter with SetTypeContactorCycles.", _OTHER, "02-11-003"),
    Fault("contactor_wear", _W, "Contactor is nearly worn out",
          "Plan its replacement, then set its counter with SetTypeContactorCycles.", _OTHER, "02-11-001"),
    Fault("contactor_load_wear", _W, "Contactor has switched under load too often",
          "Plan its replacement, then set its counter with SetCountContactorCyclesType2UnderLoad.",
          _OTHER, "02-11-002", "Contactor switched under load too often resolved"),
    Fault("plug_wear", _W, "Socket is nearly worn out",
          "Plan the replacement of the socket, then set its counter with SetType2PlugCycles.", _OTHER, "02-11-004"),
    Fault("contactor_no_open", _W, "Contactor opens slowly",
          "Have the contactor replaced soon.", _POWER_SWITCH, "02-03-004"),
    Fault("unlock_failed", _W, "Plug unlocking failed",
          "Push the plug towards the socket to relieve the bolt; unlocking is tried again every 5 s.",
          _LOCK, "02-04-003"),
    Fault("loop_overrun", _W, "Safety process was held up",
          "Charging resumes by itself. If it comes back, find what loads the processor.", _INTERNAL, "02-05-003"),
    # system: modem and USB; texts of the guide's sections 9.3 and 9.4
    Fault("sim_card_missing", _W, "GSM SIM card is missing",
          "Insert the SIM card, or set ConnectionType to what is mounted.", _OTHER, "06-02-001"),
    Fault("usb_communication", _W, "USB communication errors.",
          "Check the USB cable between the controllers, and the stick.", _OTHER, "06-02-002"),
    # message_queue: text and code of the guide's section 9.9
    Fault("message_queue_full", _P, "Message queue is full",
          "Charging resumes by itself when the backend has taken the waiting messages; check the connection to it.",
          _OTHER, "01-05-006"),
    # ocpp_link
    Fault("backend_address_invalid", _W, "Backend address cannot be used",
          "Correct OCPPBackendJSONURL or ChargeBoxIdentity as the detail says; nothing is sent until then.",
          _OTHER, "01-01-001"),
    Fault("backend_refuses", _W, "Backend refuses this station",
          "Check ChargeBoxIdentity, HTTPBasicAuthPassword and the address with the operator of the backend.",
          _OTHER, "01-01-002"),
    Fault("backend_authority_invalid", _W, "User CA certificate cannot be used",
          "Set OcppUserCaCertificate again, with one to four whole certificates in PEM form, or empty it.",
          _OTHER, "01-01-003"),
    # metering
    Fault("meter_silent", _W, "Meter does not answer",
          "Check the meter's supply and its data line, and its address in the station file.", _METER, "03-01-001"),
    Fault("meter_implausible", _W, "Meter reading implausible",
          "Check meter model and wiring; a reading that is impossible is not billed.", _METER, "03-01-002"),
    Fault("meter_frozen", _W, "Meter register does not move",
          "Current flows but no energy is counted: have the meter checked.", _METER, "03-01-003"),
    Fault("meter_exchanged", _W, "Meter was exchanged",
          "The serial number is not the one of before: end the transaction and confirm the new meter.",
          _METER, "03-01-004"),
    # session
    Fault("start_without_reading", _W, "No meter reading to start with",
          "A vehicle is authorized but nothing can be billed: check the meter's supply and its data line.",
          _METER, "04-01-001"),
    Fault("sign_failed", _W, "Meter does not sign",
          "Nothing begins here, or an end is billed without a signature, until the meter signs again: have it checked.",
          _METER, "04-01-002"),
    # settings
    Fault("settings_rejected", _W, "Stored setting rejected",
          "Correct the named setting; until then its factory value is in force.", _INTERNAL, "05-01-001"),
    # system
    Fault("store_replaced", _W, "Data file replaced",
          "An unreadable data file was set aside and a new one begun: save the old file for support.",
          _INTERNAL, "06-01-001"),
    Fault("disk_full", _W, "Disk full",
          "Free space in the station's home; nothing new can be billed until then.", _INTERNAL, "06-01-002"),
    Fault("disk_read_only", _W, "Disk is read-only",
          "Mount the station's home writable; nothing new can be billed until then.", _INTERNAL, "06-01-003"),
    Fault("service_down", _W, "A service does not run",
          "Look at its state with `chargectl status` and its last words with `chargectl log tail`.",
          _INTERNAL, "06-01-004"),
)  # fmt: skip

FAULTS: dict[str, Fault] = {fault.code: fault for fault in _ROWS}
"""By code name, in the order in which people see several at once: worst first."""

_ORDER = {fault.code: place for place, fault in enumerate(_ROWS)}


def worst_first(codes: list[str]) -> tuple[str, ...]:
    """Codes in the catalogue's order; raises KeyError for a name the catalogue does not know."""
    return tuple(sorted(codes, key=_ORDER.__getitem__))
