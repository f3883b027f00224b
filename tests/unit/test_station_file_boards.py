"""The station file of a real board: what is missing, superfluous or contradictory is told with its line."""

import re
import textwrap
from pathlib import Path

import pytest

from hardware.board import open_people_board, open_safety_board
from hardware.linux.people import LinuxPeopleBoard
from hardware.mcu.board import McuSafetyBoard
from services.board_check import INTERLOCK
from services.home import BadStationFile, parse_station
from services.settings.factory import factory_values

pytestmark = pytest.mark.unit

MCU = """[station]
board = "mcu"
model = "Bench AC"
serial = "BENCH-1"
[mcu]
port = "/dev/ttyS1"
"""
GPIO = """[station]
board = "direct-gpio"
model = "Bench AC"
serial = "BENCH-1"
[connector.1]
cable = "fixed"
residual_current = "none"
meter = "none"
[equipment]
outputs = []
temperatures = []
[gpio]
hardware_interlock = true
feed = "FEED"
[gpio.connector.1]
pilot_pwm = "pwmchip0/0"
pilot_negative = "CP_NEG"
pilot_high = { channel = "adc/in_voltage0", factor = 8.0, offset_v = -13.0 }
pilot_low = { channel = "adc/in_voltage1", factor = 8.0, offset_v = -13.0 }
contactor = "COIL"
mirror = "MIRROR"
"""
TWO = f"""{GPIO}[connector.2]
cable = "fixed"
residual_current = "none"
mirror_contact = false
meter = "none"
[gpio.connector.2]
pilot_pwm = "pwmchip0/1"
pilot_negative = "CP_NEG_2"
pilot_high = {{ channel = "adc/in_voltage2", factor = 8.0, offset_v = -13.0 }}
pilot_low = {{ channel = "adc/in_voltage3", factor = 8.0, offset_v = -13.0 }}
contactor = "COIL_2"
"""


HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "put-it-on-a-board.md"


def examples() -> list[str]:
    """The station files of the page for people who have a board."""
    blocks = re.findall(r"^    \[station\]\n(?:    .*\n)+", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


def test_the_examples_of_the_how_to_page_are_taken() -> None:
    stations = [parse_station(text) for text in examples()]
    assert [station.station.board for station in stations] == ["mcu", "direct-gpio"]


def refusal(text: str) -> str:
    with pytest.raises(BadStationFile) as caught:
        parse_station(text)
    return str(caught.value)


def test_a_complete_file_of_each_board_is_taken() -> None:
    assert parse_station(MCU).mcu.baud == 460800  # type: ignore[union-attr]
    assert parse_station(GPIO).gpio.connector["1"].mirror == "MIRROR"  # type: ignore[union-attr]
    assert len(parse_station(TWO).connectors) == 2
    assert parse_station("").station.board == "simulated"


def test_an_unknown_board_is_refused_with_its_line() -> None:
    assert refusal('[station]\nboard = "gpio"\n').startswith("station.toml, line 2: ")


@pytest.mark.parametrize("said", ["", "hardware_interlock = false\n"])
def test_direct_gpio_does_not_start_without_a_declared_interlock(said: str) -> None:
    words = refusal(GPIO.replace("hardware_interlock = true\n", said))
    assert words == f"station.toml, line 12: {INTERLOCK}"
    assert "150 ms" in words
    assert "drops the coil by itself on a fault" in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[station]\nboard = "mcu"\n', 'line 2: board = "mcu" needs a section [mcu] with port'),
        ('[station]\nboard = "direct-gpio"\n', 'line 2: board = "direct-gpio" needs a section [gpio]. direct-gpio'),
        (MCU.replace("port", "prot"), "line 6: unknown name 'prot'; did you mean 'port'?"),
        (MCU + "baud = 9600\n", "line 7: "),
        (GPIO.replace("pilot_pwm", "pilot_pmw"), "unknown name 'pilot_pmw'; did you mean 'pilot_pwm'?"),
        (GPIO.replace("factor", "faktor"), "unknown name 'faktor'; did you mean 'factor'?"),
        (GPIO.replace('"pwmchip0/0"', '"/sys/class/pwm/pwmchip0"'), "line 16: "),
        (GPIO.replace('mirror = "MIRROR"\n', ""), "line 15: mirror is missing: [connector.1] says that it is mounted"),
        (GPIO + 'lock = "L"\n', "line 22: lock is wired, but [connector.1] says that there is none"),
        (GPIO + 'residual_error = "E"\n', "line 22: [connector.1] says that there is no residual current module"),
        (GPIO.replace("[gpio.connector.1]", "[gpio.connector.2]"), "line 15: there is no [connector.2]"),
        (GPIO + "[connector.2]\n", "line 22: [gpio.connector.2] is missing"),
        (GPIO.replace('"MIRROR"', '"COIL"'), "line 21: line 'COIL' is used for connector 1 contactor already"),
        (GPIO.replace('"MIRROR"', '"!/dev/gpiochip0:COIL"'), "is used for connector 1 contactor already"),
        (
            GPIO.replace("outputs = []", 'outputs = ["auxiliary"]'),
            "lists 'auxiliary', but [gpio.outputs] names no line",
        ),
        (GPIO + '[gpio.inputs]\nspd = "SPD"\n', "line 23: 'spd' has a line, but [equipment] inputs does not list it"),
        (GPIO.replace("temperatures = []", 'temperatures = ["cpu"]'), "[linux.temperatures] does not say where"),
        (GPIO.replace("temperatures = []", "temperatures = []\nfan = true"), "[linux] fan does not say where"),
        (
            MCU + '[linux.temperatures]\nplug_1 = "thermal:x"\n',
            "line 8: [equipment] temperatures does not list 'plug_1'",
        ),
        (MCU + '[linux.temperatures]\ncpu = "/sys/class/thermal/0"\n', "line 8: "),
        (
            MCU.replace('model = "Bench AC"\n', ""),
            "line 1: model = 'Simulated AC' is that of the simulated station: give",
        ),
        (GPIO.replace("BENCH-1", "SIM-0001"), "line 4: serial = 'SIM-0001' is that of the simulated station: give"),
        (MCU + '[linux.leds.3]\nred = "r"\n', "line 7: there is no [connector.3]"),
        (MCU + '[linux.leds.1]\nmulti = "m"\nred = "r"\n', "line 8: a light is either one LED with several colours"),
        (TWO.replace("pwmchip0/1", "pwmchip0/0"), "line 28: PWM channel 'pwmchip0/0' is used for connector 1 pilot_"),
        (TWO.replace("pwmchip0/1", "pwmchip0/01"), "line 28: pilot_pwm = 'pwmchip0/01' is not a PWM channel"),
        (
            TWO.replace("in_voltage2", "in_voltage0"),
            "line 30: ADC channel 'adc/in_voltage0' is used for connector 1 pilot_high already",
        ),
        (GPIO.replace("in_voltage1", "in_voltage0"), "line 19: ADC channel 'adc/in_voltage0' is used for connector 1"),
        (
            GPIO.replace('cable = "fixed"', 'cable = "socket"\nlock = false')
            + 'proximity = { channel = "adc/in_voltage1" }\n',
            "line 23: ADC channel 'adc/in_voltage1' is used for connector 1 pilot_low already",
        ),
        (
            GPIO.replace('cable = "fixed"', 'cable = "fixed"\noutput_sense = true')
            + 'output_sense = [{ channel = "a/in_x" }, { channel = "a/in_y" }, { channel = "a/in_x" }]\n',
            "line 23: ADC channel 'a/in_x' is used for connector 1 output_sense already",
        ),
        (
            MCU + '[linux.temperatures]\ncpu = "thermal:cpu"\nhousing = "thermal:cpu"\n',
            "line 9: sensor 'thermal:cpu' is used for temperatures cpu already",
        ),
        (
            GPIO.replace("factor = 8.0, offset_v = -13.0 }\ncon", "factor = 0 }\ncon"),
            "line 19: pilot_low has factor = 0",
        ),
        (MCU.replace('board = "mcu"\n', ""), 'line 4: [mcu] is of board = "mcu", but board is "simulated": set'),
        (GPIO.replace('board = "direct-gpio"\n', ""), "line 11: [gpio] is of board"),
        (MCU.replace('"mcu"', '"direct-gpio"'), "line 5: [mcu] is of board"),
        (MCU + '[gpio]\nfeed = "F"\n', "line 7: a station has either [mcu] or [gpio]"),
        ('[linux]\nfan = "hwmon:nct/fan1"\n', 'line 1: [linux] is of a real board, but board is "simulated"'),
        (MCU.replace("ttyS1", "tty\\u0000S1"), "line 6: port = '/dev/tty\\x00S1' is not the path of a serial port"),
        (MCU.replace("ttyS1", "tty\\u007fS1"), "is not the path of a serial port"),
        (MCU.replace("/dev/ttyS1", "/dev"), "line 6: port = '/dev' is not the path of a serial port"),
        (MCU.replace("ttyS1", "serial/by-id/"), "is not the path of a serial port"),
        (MCU.replace("ttyS1", "ptmx"), "line 6: port = '/dev/ptmx' is not the path of a serial port"),
        (
            MCU + '[linux]\nwatchdog = "/dev/watch\\u0001dog"\n',
            "line 8: watchdog = '/dev/watch\\x01dog' is not the path",
        ),
        (MCU + '[linux]\nwatchdog = "/dev"\n', "line 8: watchdog = '/dev' is not the path of a device"),
        (MCU + '[linux.leds.1]\nred = ".."\n', "line 8: red = '..' is not a name below /sys/class/leds"),
        (GPIO.replace('feed = "FEED"', 'feed = "FEED"\nchip = "/dev/gpio\\u0000chip0"'), "line 15: chip = '/dev/gpio"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, words: str) -> None:
    assert words in refusal(text)


def test_the_settings_know_every_board() -> None:
    for text in (MCU, GPIO):
        assert factory_values(parse_station(text))["NumberOfConnectors"] == "1"


def test_the_boards_are_chosen_by_the_station_file(tmp_path: Path) -> None:
    station = parse_station(MCU.replace("/dev/ttyS1", str(tmp_path / "ttyX")))
    board = open_safety_board(station, tmp_path / "board.sock")
    assert isinstance(board, McuSafetyBoard)
    assert "no such port" in board.trouble
    board.close()
    assert isinstance(open_people_board(station, tmp_path / "board.sock"), LinuxPeopleBoard)


def test_a_direct_board_is_opened_with_words_when_its_chip_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")
    station = parse_station(GPIO.replace('feed = "FEED"', 'feed = "FEED"\nchip = "/dev/gpiochip_none"'))
    board = open_safety_board(station, tmp_path / "board.sock")
    board.receive()
    board.flush()
    assert "/dev/gpiochip_none: there is no such chip; see: gpiodetect" in board.trouble
    board.close()
