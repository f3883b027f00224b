"""What is wrong with the microcontroller, in words: its coils, interruptions, messages that do not fit."""

import pytest

from hardware.mcu.following import Following
from hardware.mcu.health import Health
from hardware.mcu.messages import Kind, State, Status
from services.home import parse_station

pytestmark = pytest.mark.unit

NOW_S = 100.0
OUTLET = 2


def status(coils: int, state: State = State.READY) -> Status:
    return Status(0, 0, 0, state, 0, coils, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("driven", "coils", "state", "expected"),
    [
        ({1: True}, 0b1, State.READY, []),
        ({1: True, 2: False}, 0b10, State.READY, ["connector 1", "connector 2"]),
        ({1: True}, 0b0, State.READY, ["connector 1"]),
        ({1: False}, 0b1, State.READY, ["connector 1"]),
        ({1: True}, 0b0, State.NO_FEED, ["connector 1"]),
        ({1: True, 2: True}, 0b10, State.NO_FEED, ["connector 1"]),
        ({1: True, 2: False}, 0b1, State.NO_FEED, ["connector 1"]),
        ({1: True, 2: False}, 0b1, State.NO_HOST, ["connector 1"]),
        ({1: False, 2: False}, 0b0, State.NO_HOST, []),
    ],
)
def test_a_coil_that_is_not_as_driven_is_told(
    driven: dict[int, bool], coils: int, state: State, expected: list[str]
) -> None:
    following = Following(2)
    for step in range(3):
        following.compare_coils(driven, None, status(coils, state), NOW_S + 0.1 * step)
    assert [words.partition(":")[0] for words in following.troubles()] == expected


@pytest.mark.parametrize(
    ("driven", "coils", "state", "expected"),
    [
        ({1: True, OUTLET: True}, 0b1, State.READY, []),
        ({1: True, OUTLET: True}, 0b1, State.NO_FEED, ["connector 2"]),
        ({1: True, OUTLET: True}, 0b0, State.NO_FEED, ["connector 1", "connector 2"]),
        ({1: False, OUTLET: True}, 0b0, State.NO_HOST, ["connector 2"]),
        ({1: False, OUTLET: False}, 0b0, State.NO_FEED, []),
    ],
)
def test_the_state_alone_tells_of_a_domestic_socket(
    driven: dict[int, bool], coils: int, state: State, expected: list[str]
) -> None:
    following = Following(1)
    for step in range(3):
        following.compare_coils(driven, OUTLET, status(coils, state), NOW_S + 0.1 * step)
    assert [words.partition(":")[0] for words in following.troubles()] == expected


def test_a_coil_has_150_ms_to_follow_from_each_command_on() -> None:
    following = Following(1)
    for now_s, driven, coils in ((0.0, True, 0), (0.15, True, 0), (0.16, False, 1), (0.30, False, 1)):
        following.compare_coils({1: driven}, None, status(coils), now_s)
        assert list(following.troubles()) == []
    following.compare_coils({1: False}, None, status(1), 0.32)
    assert list(following.troubles(2)) == []
    assert "its coil is on although off is driven" in next(following.troubles(1))
    following.compare_coils({1: False}, None, status(0), 0.33)
    assert list(following.troubles()) == []


def health() -> Health:
    return Health(parse_station("[connector.1]\n[connector.2]\n"), "/dev/ttyS1", NOW_S)


def told(of: Health, now_s: float, connector: int = 0) -> list[str]:
    """Of a link that is alive."""
    return list(of.troubles(now_s, taken_s=now_s, timed_s=now_s, obeyed=True, connector=connector))


def test_an_interruption_is_told_for_a_second_and_only_to_those_whose_coil_was_on() -> None:
    one = health()
    assert one.interrupted([1], "the microcontroller began anew", NOW_S)
    one.begin(NOW_S)
    assert told(one, NOW_S + 1.0, 1) == ["the microcontroller began anew while a coil was on"]
    assert told(one, NOW_S + 1.0, 2) == []
    assert told(one, NOW_S + 1.01) == []


def test_the_same_interruption_is_news_once() -> None:
    one = health()
    assert [one.interrupted([1, 2], "silent", NOW_S + late_s) for late_s in (0.0, 0.5, 1.4, 3.0)] == [
        True, False, False, True,
    ]  # fmt: skip
    assert told(one, NOW_S + 3.0) == ["silent while a coil was on"]


def test_the_third_bad_message_of_a_kind_in_a_row_is_told_with_what_is_wrong_with_it() -> None:
    one = health()
    for kind in (Kind.STATUS, Kind.CONNECTOR, Kind.STATUS, Kind.CONNECTOR):
        one.not_understood(kind, "it has 56 bytes, 55 expected")
    one.understood(Kind.STATUS)
    assert told(one, NOW_S) == []
    one.not_understood(Kind.STATUS, "it has 56 bytes, 55 expected")
    one.not_understood(Kind.CONNECTOR, "it has 56 bytes, 55 expected")
    assert told(one, NOW_S) == ["CONNECTOR of the microcontroller cannot be used: it has 56 bytes, 55 expected"]
    assert one.bad_messages == 6
    one.understood(Kind.CONNECTOR)
    assert told(one, NOW_S) == []


def test_half_a_second_without_status_is_trouble_of_a_link_that_is_otherwise_alive() -> None:
    one = health()

    def words(now_s: float) -> str:
        return "; ".join(one.troubles(now_s, taken_s=now_s, timed_s=NOW_S + 1.0, obeyed=True))

    assert words(NOW_S + 1.5) == ""
    assert words(NOW_S + 1.51).startswith("no STATUS of the microcontroller")
