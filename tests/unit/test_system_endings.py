"""The marker of an announced end. (It is a file; the rules about it are in test_system_rules.)"""

from pathlib import Path

import pytest

from schemas.system import BootReason
from services.endings import path_of_ending, read_ending, remove_ending, take_ending, write_ending
from services.home import Home

pytestmark = pytest.mark.unit


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.make_directories()
    return made


def test_what_is_written_is_read_and_taken_once(home: Home) -> None:
    assert read_ending(home) is None
    written = write_ending(home, BootReason.SOFT_RESET, "why", again=True)
    assert read_ending(home) == written
    assert take_ending(home) == written
    assert take_ending(home) is None


def test_each_announcement_has_an_id_of_its_own_and_replaces_the_one_before(home: Home) -> None:
    first = write_ending(home, BootReason.SOFT_RESET, again=True)
    second = write_ending(home, BootReason.SHUTDOWN)
    assert first.ending_id != second.ending_id
    assert read_ending(home) == second


def test_a_file_without_the_flag_is_no_reboot_and_a_new_reason_is_unknown(home: Home) -> None:
    path_of_ending(home).write_text('{"ending_id": "x", "reason": "eaten by a bear"}', encoding="utf-8")
    ending = read_ending(home)
    assert ending is not None
    assert (ending.reason, ending.again) == (BootReason.UNKNOWN, False)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"reason": 1}', b"{" * 1_000_000, b'{"x":' + b"[" * 4000]
)
def test_garbage_is_no_announcement(home: Home, content: bytes) -> None:
    path_of_ending(home).write_bytes(content)
    assert read_ending(home) is None
    remove_ending(home)
    remove_ending(home)
    assert not path_of_ending(home).exists()


def test_a_place_that_cannot_be_written_is_an_error_for_the_caller(home: Home) -> None:
    path_of_ending(home).parent.rename(home.root / "elsewhere")
    with pytest.raises(OSError, match=r"ending\.new"):
        write_ending(home, BootReason.SHUTDOWN)
