"""The station file of a `direct-gpio` board with everything on its lines, for the fake chips and for real kernels."""

from collections.abc import Sequence

NAMES = (
    "FEED", "CP_NEGATIVE", "COIL", "MIRROR", "PHASES", "PHASES_BACK", "LOCK", "UNLOCK", "LOCKED", "RCM_DC", "RCM_RMS",
    "RCM_ERROR", "RCM_TEST", "ESTOP", "AUX", "K2", "", "RCD",
)  # fmt: skip


def gpio_station(chip: str, pwm: str, channels: Sequence[str], fan: str, housing: str) -> str:
    """`chip`: of the line that names one. `channels`: inline tables of what is read from an ADC and how, in the order
    pilot high, pilot low, proximity, L1, L2, L3.
    """
    high, low, proximity, *sense = channels
    return f"""
[station]
board = "direct-gpio"
model = "Bench AC"
serial = "BENCH-1"
[gpio]
hardware_interlock = true
feed = "FEED"
[gpio.connector.1]
pilot_pwm = "{pwm}/0"
pilot_negative = "CP_NEGATIVE"
pilot_high = {high}
pilot_low = {low}
proximity = {proximity}
contactor = "COIL"
mirror = "MIRROR"
phase_relay = "PHASES"
phase_relay_feedback = "PHASES_BACK"
lock = "LOCK"
unlock = "UNLOCK"
lock_feedback = "!LOCKED"
residual_dc = "RCM_DC"
residual_rms = "RCM_RMS"
residual_error = "RCM_ERROR"
residual_test = "RCM_TEST"
output_sense = [{", ".join(sense)}]
[gpio.inputs]
emergency_stop = "ESTOP"
rcd = "17"
[gpio.outputs]
auxiliary = "AUX"
relay_2 = "{chip}:K2"
[linux]
fan = "{fan}"
[linux.temperatures]
housing = "{housing}"
"""
