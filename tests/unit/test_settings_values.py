"""Which value wins, when it takes effect, and what a change is answered."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Answer
from services.home import parse_station
from services.settings.changes import change
from services.settings.factory import board_of, check_station, factory_values
from services.settings.rules import check
from services.settings.table import KEYS
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

TRIED = ("0", "6", "10", "16", "32", "80", "true", "false", "GSM", "2")
SOCKET_32 = "[connector.1]\nmax_current_a = 32\n"


def values(text: str = SOCKET_32, stored: Mapping[str, str] | None = None, started: bool = True) -> Values:
    station = parse_station(text)
    result = begin(factory_values(station), board_of(station), stored or {}, {})
    return result.started() if started else result


def set_to(before: Values, key: str, value: str, source: str = "cli") -> Values:
    wish = change(before, key, value, 0, source)
    assert wish.after is not None, wish.reason
    return wish.after


def test_a_stored_value_wins_over_the_station_file_and_that_over_the_table() -> None:
    text = SOCKET_32 + "[settings]\nConnectionTimeOut = 60\n"
    assert values(SOCKET_32).in_force["ConnectionTimeOut"] == "45"
    assert values(text).in_force["ConnectionTimeOut"] == "60"
    assert values(text, {"ConnectionTimeOut": "90"}).in_force["ConnectionTimeOut"] == "90"


def test_the_rating_in_the_station_file_is_the_factory_value_of_the_limits() -> None:
    now = values("[connector.1]\nmax_current_a = 16\n[connector.2]\nmax_current_a = 20\n").in_force
    assert (now["HardwareCurrentLimit"], now["OperatorCurrentLimit"]) == ("20", "20")


def test_a_key_without_reboot_takes_effect_at_once() -> None:
    wish = change(values(), "freecharging", "on", 0, "")
    assert wish.outcome is Answer.ACCEPTED
    assert wish.after is not None
    assert wish.after.in_force["FreeCharging"] == "true"
    assert wish.after.pending == ()


def test_a_key_with_reboot_is_pending_until_the_next_start() -> None:
    wish = change(values(), "ConnectionTimeOut", "90", 0, "")
    assert wish.outcome is Answer.REBOOT_REQUIRED
    after = wish.after
    assert after is not None
    assert (after.in_force["ConnectionTimeOut"], after.at_next_start["ConnectionTimeOut"]) == ("45", "90")
    assert after.pending == ("ConnectionTimeOut",)
    assert after.started().in_force["ConnectionTimeOut"] == "90"
    assert after.started().pending == ()


def test_putting_a_pending_value_back_needs_no_reboot() -> None:
    wish = change(set_to(values(), "ConnectionTimeOut", "90"), "ConnectionTimeOut", "45", 0, "")
    assert wish.outcome is Answer.ACCEPTED
    assert wish.after is not None
    assert wish.after.pending == ()


def test_the_operator_limit_follows_a_lower_hardware_limit_only_when_that_takes_effect() -> None:
    after = set_to(values(), "HardwareCurrentLimit", "16")
    assert (after.in_force["OperatorCurrentLimit"], after.at_next_start["OperatorCurrentLimit"]) == ("32", "16")


@pytest.mark.parametrize(
    ("key", "value", "outcome", "words"),
    [
        ("OperatorCurrentLimit", "33", Answer.REJECTED, "is above HardwareCurrentLimit (32 A)"),
        ("HardwareCurrentLimit", "33", Answer.REJECTED, "rates it at 32 A"),
        ("HardwareCurrentLimit", "x", Answer.REJECTED, "from 6 to 80 A"),
        ("NumberOfConnectors", "2", Answer.REJECTED, "cannot be changed"),
        ("PhasesConnected", "1", Answer.REJECTED, "cannot be changed"),
        ("ErrorsList", "none", Answer.REJECTED, "present state"),
        ("ConnectionType", "GSM", Answer.REJECTED, "does not have"),
        ("FreeChargin", "true", Answer.NOT_SUPPORTED, "did you mean FreeCharging"),
    ],
)
def test_a_refusal_says_why_and_stores_nothing(key: str, value: str, outcome: Answer, words: str) -> None:
    wish = change(values(), key, value, 0, "")
    assert (wish.outcome, wish.after) == (outcome, None)
    assert words in wish.reason


def test_a_hardware_limit_below_the_operator_limit_is_refused() -> None:
    wish = change(set_to(values(), "OperatorCurrentLimit", "20"), "HardwareCurrentLimit", "16", 0, "")
    assert wish.outcome is Answer.REJECTED
    assert "set OperatorCurrentLimit to 16 or less first" in wish.reason


def test_an_operator_limit_must_fit_the_pending_hardware_limit_too() -> None:
    lower = set_to(values(), "HardwareCurrentLimit", "16")
    assert change(lower, "OperatorCurrentLimit", "20", 0, "").outcome is Answer.REJECTED
    higher = set_to(values(stored={"HardwareCurrentLimit": "16"}), "HardwareCurrentLimit", "32")
    assert change(higher, "OperatorCurrentLimit", "20", 0, "").outcome is Answer.REJECTED
    assert change(higher.started(), "OperatorCurrentLimit", "20", 0, "").outcome is Answer.ACCEPTED


def test_a_fixed_cable_has_nothing_to_unlock() -> None:
    fixed = values('[connector.1]\ncable = "fixed"\n')
    assert fixed.in_force["UnlockConnectorOnEVSideDisconnect"] == "false"
    wish = change(fixed, "UnlockConnectorOnEVSideDisconnect", "true", 0, "")
    assert wish.outcome is Answer.REJECTED
    assert "fixed cable" in wish.reason
    assert change(values(), "UnlockConnectorOnEVSideDisconnect", "false", 0, "").outcome is Answer.ACCEPTED


def test_a_value_for_one_connector_alone_is_refused_not_ignored() -> None:
    wish = change(values(), "InstallationCurrentLimit", "10", 1, "")
    assert wish.outcome is Answer.REJECTED
    assert "whole station" in wish.reason


def test_a_stored_value_that_no_longer_fits_is_kept_and_not_used() -> None:
    result = values(stored={"ConnectionTimeOut": "soon", "FreeCharging": "true"})
    assert result.in_force["ConnectionTimeOut"] == "45"
    assert result.in_force["FreeCharging"] == "true"
    assert result.stored["ConnectionTimeOut"] == "soon"
    assert list(result.rejected) == ["ConnectionTimeOut"]
    assert not set_to(result, "ConnectionTimeOut", "30").rejected


def test_a_limit_above_a_smaller_board_gives_way_to_the_board() -> None:
    result = values("[connector.1]\nmax_current_a = 16\n", {"HardwareCurrentLimit": "32", "OperatorCurrentLimit": "20"})
    assert (result.in_force["HardwareCurrentLimit"], result.in_force["OperatorCurrentLimit"]) == ("16", "16")
    assert set(result.rejected) == {"HardwareCurrentLimit", "OperatorCurrentLimit"}


def test_a_stored_hardware_limit_stays_when_the_station_file_sets_a_higher_operator_limit() -> None:
    text = SOCKET_32 + "[settings]\nOperatorCurrentLimit = 20\n"
    result = values(text, {"HardwareCurrentLimit": "16"})
    assert (result.in_force["HardwareCurrentLimit"], result.in_force["OperatorCurrentLimit"]) == ("16", "16")
    assert list(result.rejected) == ["OperatorCurrentLimit"]


def test_keys_of_another_version_are_kept_and_not_used() -> None:
    result = values(stored={"FutureKey": "7"})
    assert result.unknown_stored == ("FutureKey",)
    assert "FutureKey" not in result.in_force
    assert not result.rejected


def test_start_values_that_a_newer_table_refuses_do_not_count() -> None:
    station = parse_station(SOCKET_32)
    at_start = {"ConnectionTimeOut": "x", "FreeCharging": "true", "Gone": "1", "RestartTransAfterPowerLoss": "true"}
    result = begin(factory_values(station), board_of(station), {}, at_start)
    assert result.in_force["ConnectionTimeOut"] == "45"
    assert result.in_force["FreeCharging"] == "true", "it may have waited for the next start"
    assert result.in_force["RestartTransAfterPowerLoss"] == "true"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(KEYS)), st.sampled_from(TRIED))))
def test_no_order_of_changes_leaves_a_set_that_does_not_fit_together(wishes: list[tuple[str, str]]) -> None:
    present = values("[connector.1]\nmax_current_a = 20\n")
    for number, (key, value) in enumerate(wishes):
        wish = change(present, key, value, 0, "")
        present = wish.after or present
        if number % 5 == 4:
            present = present.started()
        assert check(present.in_force, present.board) == []
        assert check(present.at_next_start, present.board) == []
        assert not present.rejected


# the station file


def wrong(text: str) -> list[str]:
    return check_station(parse_station(text), text)


def test_a_right_station_file_has_nothing_wrong() -> None:
    assert wrong(SOCKET_32 + '[settings]\nFreeCharging = true\nloglevel = "dbg"\nNumberOfConnectors = 1\n') == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("FreeChargin = true", "station.toml, line 4: there is no configuration key 'FreeChargin'; did you mean Free"),
        ("freecharging = true", "did you mean FreeCharging"),
        ("ConnectionTimeOut = 99999", "line 4: ConnectionTimeOut takes a whole number from 0 to 3600 s"),
        ("FreeCharging = 3.5", "true or false"),
        ("ErrorsList = 'none'", "line 4: ErrorsList shows the present state"),
        ("NumberOfConnectors = 2", "line 4: NumberOfConnectors is 1 here"),
        ("HardwareCurrentLimit = 40", "line 4: HardwareCurrentLimit (40 A) is above what is mounted"),
        ("OperatorCurrentLimit = 40", "line 4: OperatorCurrentLimit (40 A) is above HardwareCurrentLimit (32 A)"),
    ],
)
def test_a_wrong_line_of_the_station_file_is_named(line: str, words: str) -> None:
    (sentence,) = wrong(SOCKET_32 + "[settings]\n" + line + "\n")
    assert words in sentence


def test_the_order_of_the_lines_does_not_matter() -> None:
    lines = ["OperatorCurrentLimit = 16", "HardwareCurrentLimit = 20"]
    for order in (lines, lines[::-1]):
        text = SOCKET_32 + "[settings]\n" + "\n".join(order) + "\n"
        assert wrong(text) == []
        assert values(text).in_force["OperatorCurrentLimit"] == "16"


def test_every_wrong_line_is_told_at_once() -> None:
    assert len(wrong(SOCKET_32 + '[settings]\nFreeChargin = true\nloglevel = "LOUD"\n')) == 2


def test_phases_that_differ_are_told_for_each_connector() -> None:
    board = board_of(parse_station("[connector.1]\nphases = 3\n[connector.2]\nphases = 1\n"))
    assert board.dictated["PhasesConnected"][0] == "3,1"
    assert board.dictated["NumberOfConnectors"][0] == "2"
