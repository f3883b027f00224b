"""What a wrong station file is told: the right line, the section, what may stand there."""

import types
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from schemas.station import Station
from services.home import BadStationFile, Home, parse_station
from services.station_errors import EXAMPLES
from services.station_lines import line_of, nearest_line

pytestmark = pytest.mark.unit

METER = 'meter_address = "tcp:10.0.0.1:502/1"\n'


def refusal(text: str) -> str:
    with pytest.raises(BadStationFile) as caught:
        parse_station(text)
    return str(caught.value).removeprefix("station.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[connector.1]\nmax_current_a=16\n[connector.2]\nmax_current_a=-5\n",
            ", line 4: [connector.2] max_current_a = -5: Expected int >= 6",
        ),
        (
            '[connector.1]\n[connector.2]\ncable = "sockte"\n',
            ", line 3: [connector.2] cable = 'sockte' is none of 'socket', 'fixed', 'schuko'; did you mean 'socket'?",
        ),
        ("[mcu]\nport = '/dev/ttyS1'\nbaud = 9600\n",
         ", line 3: [mcu] baud = 9600 is none of 115200, 230400, 460800, 921600"),
        ("[mcu]\nport = '/dev/ttyS1'\nbaud = '460800'\n", ", line 3: [mcu] baud = '460800' is none of 115200, 230400, "
         "460800, 921600; did you mean 460800?"),
        ("[station]\n[mcu]\n", ', line 2: [mcu] needs port, for example port = "/dev/ttyS1"'),
        ("[mcu]\nport = 5\n", ", line 2: [mcu] port = 5: Expected str, got int"),
        ("station = 'x'\n", ", line 1: station = 'x': Expected a section, got str"),
        ("connector = [1, 2]\n", ", line 1: connector: Expected a section, got array"),
        ("[equipment]\ninputs = ['rcd']\n", ", line 2: [equipment] inputs: Expected a section, got array"),
        ("[equipment.inputs]\nspd = 'NC'\n", ", line 2: [equipment.inputs] spd = 'NC' is none of 'normally open', "
         "'normally closed'"),
        ("[cards]\nlocal = ['A', '']\n", ", line 2: [cards] local: Expected str of length >= 1 (entry 2)"),
        ("[settings]\nA = 1\nB = [1]\n", ", line 3: [settings] B: Expected bool | int | float | str, got array"),
        (
            "connector = {1 = {max_current_a = 16}, 2 = {max_current_a = 5}}\n",
            ", line 1: [connector.2] max_current_a = 5: Expected int >= 6",
        ),
        ("connector.1.phases = 3\nconnector.2.phases = 4\n", ", line 2: [connector.2] phases = 4: Expected int <= 3"),
        ('\n["connector"."1"]\nmax_current_a = 5\n', ", line 3: [connector.1] max_current_a = 5: Expected int >= 6"),
        ("[gpio]\nfeed = 'F'\n[gpio.connector.1]\npilot_pwm = 'pwmchip0/0'\npilot_negative = 'N'\n"
         "pilot_high = { factor = 8.0 }\n",
         ", line 6: [gpio.connector.1.pilot_high] needs channel, for example channel = "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_line_its_section_and_what_it_may_be(text: str, words: str) -> None:
    told = refusal(text)
    assert told == words or (words.endswith(" = ") and told.startswith(words))


def structs(hint: Any) -> Iterator[type[Any]]:
    for each in (hint, *get_args(hint)):
        if isinstance(each, types.UnionType) or get_origin(each) is not None:
            if each is not hint:
                yield from structs(each)
        elif isinstance(each, type) and issubclass(each, msgspec.Struct):
            yield each
            for inner in get_type_hints(each).values():
                yield from structs(inner)


def test_every_name_that_a_section_cannot_do_without_has_an_example() -> None:
    needed = {field.name for struct in structs(Station) for field in msgspec.structs.fields(struct) if field.required}
    assert needed == set(EXAMPLES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[connector.01]\n", ", line 1: connectors are [connector.1], [connector.2] ... without a hole, not"),
        ('[connector.1]\n[connector."２"]\n', ", line 2: connectors are"),
        ("[connector.1]\n[connector.3]\n", ", line 2: connectors are"),
        ("connector = {}\n", ", line 1: a station has 1 to 16 connectors"),
        ("".join(f"[connector.{n}]\n" for n in range(1, 18)), ", line 17: a station has 1 to 16 connectors"),
        (f"[connector.1]\n{METER}[connector.2]\n{METER}", ", line 4: meter_address is that of [connector.1] too"),
        ('[station]\nserial = "   "\n', ", line 2: serial = '   ' has characters that nobody sees"),
        ('[station]\nmodel = "AC "\n', ", line 2: model = 'AC ' has characters that nobody sees"),
        ('[station]\nvendor = "A\\u0007"\n', ", line 2: vendor = 'A\\x07' has characters that nobody sees"),
        ("a = " + "[" * 5000 + "]" * 5000, ": lists or tables stand too deep inside each other"),
    ],
)  # fmt: skip
def test_what_two_readers_would_understand_differently_is_refused(text: str, words: str) -> None:
    assert refusal(text).startswith(words)


def test_connectors_without_a_meter_or_with_the_simulated_one_share_no_address() -> None:
    unread = f'meter = "none"\n{METER}'
    assert len(parse_station(f"[connector.1]\n{unread}[connector.2]\n{unread}[connector.3]\n").connectors) == 3


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: object) -> None:
    home = Home(str(tmp_path))
    home.station_file.write_bytes(b"\xef\xbb\xbf[station]\nserial = 'EX-1'\n")
    assert home.load_station().station.serial == "EX-1"
    assert refusal("\ufeff[station]\nseriall = 'EX-1'\n").startswith(", line 2: unknown name 'seriall'")
    assert line_of("\ufeff[settings]\nA = 1\n", ("settings",)) == ", line 1"


def test_a_line_is_that_of_the_name_and_else_of_what_it_would_stand_in() -> None:
    text = '# [a]\n[b]\nx.y = { z = 1 }\n"p.q" = 2\n[[c]]\n'
    assert line_of(text, ("b", "x", "y")) == ", line 3"
    assert line_of(text, ("b", "p.q")) == ", line 4"
    assert line_of(text, ("b", "x", "y", "z")) == ""
    assert nearest_line(text, ("b", "x", "y", "z")) == ", line 3"
    assert nearest_line(text, ("b", "other")) == ", line 2"
    assert nearest_line(text, ("c",)) == ", line 5"
    assert nearest_line(text, ("a",)) == ""
