"""The demo backend's prompt and its ledger."""

import pytest
from ocpp.v16 import call_result

import chargectl.backend
from chargectl.backend.prompt import COMMANDS, LOCAL, NotUnderstood, help_text, parse
from chargectl.backend.station import Ledger, is_refusal, words_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("start TAG 1", "RemoteStartTransaction"),
        ("stop -5", "RemoteStopTransaction"),
        ("unlock 1", "UnlockConnector"),
        ("reset hard", "Reset"),
        ("get", "GetConfiguration"),
        ("set HeartbeatInterval 30", "ChangeConfiguration"),
        ("trigger statusnotification 1", "TriggerMessage"),
        ("unavailable 0", "ChangeAvailability"),
        ("available 0", "ChangeAvailability"),
        ("cache", "ClearCache"),
        ('data vendor message "two words"', "DataTransfer"),
    ],
)
def test_a_line_becomes_the_call_it_names(line: str, action: str) -> None:
    name, _, request = parse(line)
    assert type(request).__name__ == action
    assert name in COMMANDS


@pytest.mark.parametrize("line", ["start", "stop x", "unlock", "reset gently", "trigger", "set", "fly", "'"])
def test_a_line_that_is_not_understood_says_how_it_is_used(line: str) -> None:
    with pytest.raises(NotUnderstood, match=r"usage|help"):
        parse(line)


def test_commands_of_the_backend_itself_send_nothing() -> None:
    assert [parse(name)[2] for name in LOCAL] == [None] * len(LOCAL)
    assert parse("  \n") == ("", [], None)


def test_help_names_every_command() -> None:
    assert all(command.usage in help_text() for command in COMMANDS.values())
    assert all(usage in help_text() for usage, _ in LOCAL.values())


def test_the_same_start_has_the_same_number_however_often_it_arrives() -> None:
    ledger = Ledger()
    first = ledger.number_of(("A", 1, "TAG", 5, "t"))
    assert ledger.number_of(("A", 2, "TAG", 5, "t")) == first + 1
    assert ledger.number_of(("A", 1, "TAG", 5, "t")) == first


def test_a_blocked_tag_is_blocked_and_every_other_accepted() -> None:
    ledger = Ledger(blocked={"BAD"})
    assert ledger.judge("BAD").status.value == "Blocked"
    assert ledger.judge("GOOD").status.value == "Accepted"


def test_no_answer_is_told_as_such() -> None:
    assert words_of(None) == "no answer"


def test_the_help_of_the_command_names_everything_that_can_be_typed() -> None:
    """It is written out there, so that --help need not import the ocpp package."""
    text = chargectl.backend.__doc__ or ""
    for command in COMMANDS.values():
        assert f"  {command.usage} " in text
        assert command.about in text
    assert all(usage in text for usage, _ in LOCAL.values())


@pytest.mark.parametrize(("status", "refused"), [("Accepted", False), ("Scheduled", False), ("Rejected", True)])
def test_a_refusal_is_known_as_such(status: str, refused: bool) -> None:
    assert is_refusal(call_result.ChangeAvailability(status=status)) is refused
    assert not is_refusal(call_result.GetConfiguration())
