"""The Unix socket by which the demo backend is told what to do, with a real server behind it."""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargectl.backend import run
from chargectl.backend.command_socket import LONGEST_LINE, send
from chargectl.output import Failure
from services.exit_codes import ExitCode
from tests.running_station import chargectl, environment, wait_until

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of the socket of a backend without a station."""
    directory = tmp_path_factory.mktemp("b")
    path = directory / "s"
    words = ["backend", "--socket", str(path), "--port-file", str(directory / "port")]
    backend = subprocess.Popen(
        [sys.executable, "-P", "-m", "chargectl", *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until((directory / "port").exists, "the backend listens")
        yield path
    finally:
        backend.terminate()
        assert backend.wait(10) == 0
        assert not path.exists()


def raw(place: Path, data: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(place))
        connection.sendall(data)
        with connection.makefile("rb") as answers:
            answer: dict[str, object] = json.loads(answers.readline())
    return answer


def test_a_command_of_the_backend_itself_is_done_and_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(place, ["block", "a b"], as_json=True) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"ok": True, "lines": ["a b: Blocked from now on"]}


def test_the_words_of_the_command_line_arrive_as_they_were(place: Path) -> None:
    done = chargectl("backend", "send", "--socket", str(place), "allow", "a b")
    assert done.stdout == "a b: Accepted from now on\n"
    assert chargectl("backend", "--socket", str(place), "send").stdout.count("\n") > 10, "without words: help"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["start", "TAG"], ExitCode.NOT_RUNNING, "no station"),
        (["start"], ExitCode.USAGE, "usage: start"),
        (["fly"], ExitCode.USAGE, "unknown"),
        (["stop", "-5"], ExitCode.NOT_RUNNING, "no station"),
    ],
)
def test_what_cannot_be_done_has_words_and_an_exit_code(
    place: Path, words: list[str], code: ExitCode, text: str
) -> None:
    with pytest.raises(Failure, match=text) as failed:
        send(place, words, as_json=False)
    assert failed.value.code == code


def test_hostile_lines_are_answered_and_the_next_one_is_served(place: Path) -> None:
    assert raw(place, b"x" * (4 * LONGEST_LINE) + b"\n")["exit_code"] == ExitCode.USAGE
    assert raw(place, b"\xff\xfe\0'\n")["exit_code"] == ExitCode.USAGE
    assert raw(place, b"\n") == {"lines": [], "exit_code": 0}
    assert raw(place, b"help\n")["exit_code"] == 0


def test_a_second_backend_at_the_same_socket_is_refused_and_one_that_died_is_no_obstacle(place: Path) -> None:
    again = chargectl("backend", "--socket", str(place), "--seconds", "0.1")
    assert again.returncode == ExitCode.ALREADY_RUNNING
    assert "another backend" in again.stderr
    stale = place.with_name("stale")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(stale))
    assert chargectl("backend", "--socket", str(stale), "--seconds", "0.1").returncode == ExitCode.OK
    file = place.with_name("file")
    file.write_text("mine")
    assert chargectl("backend", "--socket", str(file), "--seconds", "0.1").returncode == ExitCode.USAGE
    assert file.read_text() == "mine"


def test_only_its_own_user_may_use_it(place: Path) -> None:
    assert os.stat(place).st_mode & 0o777 == 0o600  # noqa: PTH116


def test_without_a_backend_there_the_words_say_what_to_do(tmp_path: Path) -> None:
    arguments = argparse.Namespace(action="send", words=["drop"], socket=None, home=str(tmp_path), json=False)
    with pytest.raises(Failure, match=r"\./run") as failed:
        run(arguments)
    assert failed.value.code == ExitCode.NOT_RUNNING
