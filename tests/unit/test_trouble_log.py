"""Trouble in the log: its words when they change, and never a flood."""

import logging

import pytest

from services.trouble_log import MOST_LINES, STARTS_S, WITHIN_S, TroubleLog

pytestmark = pytest.mark.unit

STARTED_S = 100.0
NOW_S = STARTED_S + STARTS_S


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> TroubleLog:
    caplog.set_level(logging.INFO)
    made = TroubleLog(logging.getLogger("safety"), "board")
    made.tell("", STARTED_S)
    return made


def test_words_are_told_when_they_change_and_when_they_end(log: TroubleLog, caplog: pytest.LogCaptureFixture) -> None:
    for step, words in enumerate(("", "gone", "gone", "another version", "", "")):
        log.tell(words, NOW_S + step)
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert levels == [
        ("WARNING", "board: gone"),
        ("WARNING", "board: another version"),
        ("INFO", "board: no trouble any more"),
    ]


def test_a_board_that_is_only_starting_is_not_told(log: TroubleLog, caplog: pytest.LogCaptureFixture) -> None:
    log.tell("not there yet", NOW_S - 0.001)
    log.tell("", NOW_S)
    assert caplog.messages == []
    log.tell("gone", NOW_S)
    assert caplog.messages == ["board: gone"]


def test_words_that_flicker_do_not_fill_the_log_and_the_last_ones_are_told(
    log: TroubleLog, caplog: pytest.LogCaptureFixture
) -> None:
    for step in range(1000):
        log.tell(f"trouble {step}", NOW_S + 0.01 * step)
    assert caplog.messages == [f"board: trouble {step}" for step in range(MOST_LINES)]
    log.tell("trouble 999", NOW_S + WITHIN_S - 0.001)
    assert len(caplog.messages) == MOST_LINES
    log.tell("trouble 999", NOW_S + WITHIN_S)
    assert caplog.messages[-1] == "board: trouble 999"
