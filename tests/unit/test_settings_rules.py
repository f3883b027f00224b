"""What a key accepts, in which spelling, and what it says when it does not."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.settings.rules import Board, Unacceptable, check, complete, nearest, parse, takes, unknown
from services.settings.table import KEYS, Key, find, search
from services.settings.table.key import KeyType, Scope

pytestmark = pytest.mark.unit

BOARD = Board(32, ("No Backend", "Ethernet"), {})


def a_key(kind: KeyType, **fields: object) -> Key:
    return Key(name="Example", type=kind, scope=Scope.BOTH, help="", group="", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        ("FreeCharging", "true", "true"),
        ("FreeCharging", "TRUE", "true"),
        ("FreeCharging", " 1 ", "true"),
        ("FreeCharging", "On", "true"),
        ("FreeCharging", "off", "false"),
        ("FreeCharging", "0", "false"),
        ("loglevel", "info", "INFO"),
        ("loglevel", "3", "INFO"),
        ("loglevel", "(0) TRACE", "TRACE"),
        ("loglevel", "(5)", "ERR"),
        ("ConnectionType", "no backend", "No Backend"),
        ("ConnectionType", "(2) ethernet", "Ethernet"),
        ("HardwareCurrentLimit", "6", "6"),
        ("HardwareCurrentLimit", "080", "80"),
        ("HardwareCurrentLimit", "+32", "32"),
        ("OperatorCurrentLimit", "0", "0"),
        ("ConnectionTimeOut", "3600", "3600"),
        ("loglevelcomponents", "", ""),
        ("loglevelcomponents", " SAFETY=trace , safety.pilot=VDBG,", "SAFETY=trace,safety.pilot=VDBG"),
    ],
)
def test_every_accepted_spelling_becomes_the_canonical_one(name: str, text: str, canonical: str) -> None:
    assert parse(KEYS[name], text) == canonical


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("FreeCharging", "maybe", "true or false"),
        ("FreeCharging", "", "true or false"),
        ("loglevel", "DEBUG", "(2) DBG"),
        ("loglevel", "9", "(8) USER_ERR"),
        ("loglevel", "(1) INFO", "one of"),
        ("HardwareCurrentLimit", "5", "from 6 to 80 A"),
        ("HardwareCurrentLimit", "81", "from 6 to 80 A"),
        ("HardwareCurrentLimit", "16.0", "a whole number"),
        ("HardwareCurrentLimit", "nan", "a whole number"),
        ("HardwareCurrentLimit", "1e1", "a whole number"),
        ("HardwareCurrentLimit", "١٦", "a whole number"),
        ("HardwareCurrentLimit", "9" * 400, "a whole number"),
        ("ConnectionTimeOut", "-1", "from 0 to 3600 s"),
        ("loglevelcomponents", "SAFETY", "NAME=LEVEL"),
        ("loglevelcomponents", "SAFETY=LOUD", "NAME=LEVEL"),
        ("loglevelcomponents", "A=DBG," * 200, "at most 500 characters"),
        ("loglevel", "INFO\0", "printable"),
        ("loglevelcomponents", "A=DBG,\nB=DBG", "printable"),
    ],
)
def test_a_refusal_says_what_the_key_takes(name: str, text: str, words: str) -> None:
    with pytest.raises(Unacceptable, match="(?s)" + words.replace("(", r"\(").replace(")", r"\)")) as refusal:
        parse(KEYS[name], text)
    assert str(refusal.value).startswith(name)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(("text", "canonical"), [("1.5", "1.5"), ("2.0", "2"), (".25", "0.25"), ("-0.5", "-0.5")])
def test_a_number_is_taken_within_its_bounds(text: str, canonical: str) -> None:
    assert parse(a_key(KeyType.FLOAT, min=-0.5, max=2.0), text) == canonical


@pytest.mark.parametrize("text", ["2.01", "-0.51", "nan", "inf", "1e0", "", "1.2.3", "0x1"])
def test_a_number_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(Unacceptable, match=r"from -0\.5 to 2 V"):
        parse(a_key(KeyType.FLOAT, min=-0.5, max=2.0, unit="V"), text)


def test_an_enum_of_numbers_is_read_by_name_before_index() -> None:
    assert parse(a_key(KeyType.ENUM, values=("2", "1", "0")), "0") == "0"


def test_a_secret_never_stands_in_its_own_refusal() -> None:
    with pytest.raises(Unacceptable) as refusal:
        parse(a_key(KeyType.STRING, secret=True, item_pattern="[a-z]{8}", item_words="8 letters"), "hunter2hunter2")
    assert "hunter2" not in str(refusal.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=600))
def test_whatever_is_parsed_parses_to_itself_again(text: str) -> None:
    for key in KEYS.values():
        try:
            canonical = parse(key, text)
        except Unacceptable:
            continue
        assert parse(key, canonical) == canonical
        if key.type is KeyType.INT:
            assert (key.min or -math.inf) <= int(canonical) <= (key.max or math.inf)


def test_bounds_are_told_with_one_end_too() -> None:
    assert takes(a_key(KeyType.INT, min=3)) == "a whole number of at least 3"
    assert takes(a_key(KeyType.FLOAT, max=3.5, unit="A")) == "a number of at most 3.5 A"
    assert takes(a_key(KeyType.INT, unit="s")) == "a whole number (s)"


def test_an_unknown_name_gets_the_nearest_right_ones() -> None:
    assert nearest("OperatorCurentLimit")[0] == "OperatorCurrentLimit"
    assert nearest("freecharge")[0] == "FreeCharging"
    assert "CurrentLimit" in unknown("CurrentLimit")
    assert "chargectl config search" in unknown("zzzz")


def test_names_are_found_in_any_case() -> None:
    assert find(" freeCHARGING ") is KEYS["FreeCharging"]
    assert find("FreeChargin") is None


def test_a_search_needs_all_words_anywhere() -> None:
    assert KEYS["OperatorCurrentLimit"] in search("operator current at this site")
    assert KEYS["HardwareCurrentLimit"] not in search("operator current at this site")
    assert KEYS["RestartTransAfterPowerLoss"] in search("POWER loss")
    assert search("no such words anywhere") == []


def test_the_operator_limit_is_by_default_the_hardware_limit() -> None:
    assert complete({"HardwareCurrentLimit": "16"})["OperatorCurrentLimit"] == "16"
    assert complete({"HardwareCurrentLimit": "16", "OperatorCurrentLimit": "10"})["OperatorCurrentLimit"] == "10"


@pytest.mark.parametrize(
    ("explicit", "broken"),
    [
        ({}, []),
        ({"HardwareCurrentLimit": "32", "OperatorCurrentLimit": "32"}, []),
        ({"HardwareCurrentLimit": "33"}, ["HardwareCurrentLimit"]),
        ({"HardwareCurrentLimit": "16", "OperatorCurrentLimit": "17"}, ["OperatorCurrentLimit"]),
        ({"ConnectionType": "GSM"}, ["ConnectionType"]),
    ],
)
def test_the_set_as_a_whole_is_checked(explicit: dict[str, str], broken: list[str]) -> None:
    assert [problem.key for problem in check(complete(explicit), BOARD)] == broken


def test_a_dictated_value_is_part_of_the_check() -> None:
    board = BOARD._replace(dictated={"NumberOfConnectors": ("2", "two are mounted")})
    (problem,) = check(complete({"NumberOfConnectors": "3"}), board)
    assert problem.key == "NumberOfConnectors"
    assert "two are mounted" in problem.words
