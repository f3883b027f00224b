"""Commands: how words are understood, and what people are told."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.endpoint import Endpoint
from bus.memory import Hub
from bus.topics import SETTINGS_CHANGE, SYSTEM_CLOCK
from chargectl import init, output
from chargectl.frames import Filter, as_json, as_line, as_raw
from chargectl.log import _last_lines
from chargectl.main import COMMANDS, main, take_common
from chargectl.output import Failure, ago, table
from chargectl.sim import understand
from chargectl.station import lock_path, process_of_up, processes_of
from chargectl.station_check import check_text
from schemas.settings import ChangeSettingRequest
from schemas.system import StationClock
from services.exit_codes import ExitCode
from services.home import Home
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plug_in", "1"], {"op": "plug_in", "connector": 1}),
        (
            ["plug_in", "2", "ev.phases=1", "ev.mac=01"],
            {"op": "plug_in", "connector": 2, "ev": {"phases": 1, "mac": "01"}},
        ),
        (["swipe", "12345678"], {"op": "swipe", "id_tag": "12345678"}),
        (["swipe", "CARD", "connectors=[1,2]"], {"op": "swipe", "id_tag": "CARD", "connectors": [1, 2]}),
        (["fault", "diode", "on"], {"op": "fault", "name": "diode", "on": True, "connector": 1}),
        (["fault", "pilot_gap", "off", "2"], {"op": "fault", "name": "pilot_gap", "on": False, "connector": 2}),
        (["fault", "weld"], {"op": "fault", "name": "weld", "on": True, "connector": 1}),
        (
            ["fault", "proximity", "on", "value=350.5"],
            {"op": "fault", "name": "proximity", "on": True, "connector": 1, "value": 350.5},
        ),
        (["network", "down"], {"op": "network", "up": False}),
        (["meter", "connector.1", "timeout=true"], {"op": "meter", "meter": "connector.1", "timeout": True}),
        (["input", "1", "off"], {"op": "input", "name": "1", "on": False}),
        (["input", "rcd", "null"], {"op": "input", "name": "rcd", "on": None}),
        (["wire", "opto_1", "mirror.2"], {"op": "wire", "name": "opto_1", "to": "mirror.2"}),
        (["weather", "ambient_c=40"], {"op": "weather", "ambient_c": 40}),
        (["state"], {"op": "state"}),
    ],
)
def test_the_words_of_a_simulation_become_an_operation(words: list[str], message: dict[str, Any]) -> None:
    assert understand(words[0], words[1:]) == message


def test_a_word_too_many_is_refused() -> None:
    with pytest.raises(Failure, match="one word too many"):
        understand("plug_in", ["1", "2"])
    with pytest.raises(Failure, match="cannot go into it"):
        understand("plug_in", ["1", "ev=3", "ev.phases=1"])


def test_home_and_json_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARGE_HOME", "/from/environment")
    assert take_common(["get", "--home", "/x", "K", "--json"]) == (["get", "K"], "/x", True)
    assert take_common(["--home=/y", "get"]) == (["get"], "/y", False)
    assert take_common(["get"]) == (["get"], "/from/environment", False)
    assert take_common(["set", "K", "--", "--json"]) == (["set", "K", "--", "--json"], "/from/environment", False)


def test_every_command_answers_to_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        if name == "bench":
            continue
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert "--home" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stauts"]) == ExitCode.USAGE
    assert "'status'" in capsys.readouterr().err


def test_without_a_home_a_command_says_how_to_give_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CHARGE_HOME", raising=False)
    assert main(["status"]) == ExitCode.USAGE
    assert "--home" in capsys.readouterr().err
    assert main(["status", "--home", str(tmp_path)]) == ExitCode.BAD_CONFIGURATION
    assert "chargectl init" in capsys.readouterr().err


def test_a_station_that_does_not_run_has_exit_code_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["init", "--home", str(tmp_path / "h")]) == ExitCode.OK
    capsys.readouterr()
    for words in (["status"], ["config", "get"], ["session", "ls"], ["tap"], ["sim", "state"], ["sim", "power-cut"]):
        assert main([*words, "--json", "--home", str(tmp_path / "h")]) == ExitCode.NOT_RUNNING, words
        said = capsys.readouterr()
        assert json.loads(said.out)["exit_code"] == 3
        assert "chargectl:" in said.err


def test_help_imports_neither_the_bus_nor_the_schemas() -> None:
    """`chargectl --help` and completion stay fast on a small board."""
    code = "import sys; from chargectl.main import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    for module in ("zmq", "msgspec", "msgpack", "asyncio", "xmlrpc", "tomllib"):
        assert f"'{module}'" not in loaded, module


def test_init_refuses_to_replace_another_station_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(tmp_path / "h")
    other = tmp_path / "other.toml"
    other.write_text('[connector.1]\ncable = "fixed"\n', encoding="utf-8")
    assert main(["init", "--home", home]) == ExitCode.OK
    assert main(["init", "--home", home]) == ExitCode.OK
    assert main(["init", "--home", home, "--station", str(other)]) == ExitCode.REFUSED
    assert "--force" in capsys.readouterr().err
    assert main(["init", "--home", home, "--station", str(other), "--force"]) == ExitCode.OK
    assert Home(home).load_station().connectors[1].cable == "fixed"
    assert (tmp_path / "h" / "run").stat().st_mode & 0o777 == 0o700


def test_init_does_not_take_a_wrong_station_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[settings]\nOperatorCurrentLimt = 16\n", encoding="utf-8")
    assert main(["init", "--home", str(tmp_path / "h"), "--station", str(wrong)]) == ExitCode.BAD_CONFIGURATION
    said = capsys.readouterr().err
    assert "line 2" in said
    assert "OperatorCurrentLimit" in said
    assert not (tmp_path / "h" / "station.toml").exists()


def test_the_standard_station_is_right() -> None:
    assert check_text(init.DEFAULT_STATION, "standard").cards.local


def test_a_lock_that_nobody_holds_means_that_nothing_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_directories()
    assert process_of_up(home) == 0
    lock_path(home).write_text("1\n", encoding="ascii")
    assert process_of_up(home) == 0


def test_a_shell_with_an_exported_home_is_no_process_of_the_station(tmp_path: Path) -> None:
    environment = {"CHARGE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment) as shell:
        assert processes_of(Home(tmp_path)) == []
        shell.communicate()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env={**environment, "CHARGE_START_ID": "1"}) as service:
        assert processes_of(Home(tmp_path)) == [service.pid]
        assert processes_of(Home(tmp_path / "other")) == []
        service.communicate()


def frames_of(owner: str, topic: Any, body: Any) -> bytes:
    hub = Hub()
    frames: list[bytes] = []
    hub.taps.append(lambda _owner, frame: frames.append(frame))
    endpoint = Endpoint(owner, VirtualClock(), run_id="run")
    hub.join(endpoint)
    endpoint.publish(topic, body)
    return frames[0]


def test_tap_shows_topic_sequence_and_body() -> None:
    frame = frames_of("system", SYSTEM_CLOCK, StationClock(offset_s=1.5))
    assert "system.clock #1 offset_s=1.5 synchronized=False" in as_line(frame)
    shown = as_json(frame, 7.0)
    assert shown["body"] == {"offset_s": 1.5, "synchronized": False}
    assert shown["heard_s"] == 7.0
    json.dumps(shown)


def test_tap_hides_secret_topics_in_every_form() -> None:
    body = ChangeSettingRequest(request_id="1", expires_s=1e6, key="AuthorizationKey", value="a-pass-word")
    frame = frames_of("settings", SETTINGS_CHANGE, body)
    hidden = b"a-pass-word".hex()
    for text in (as_line(frame), json.dumps(as_json(frame, 0.0)), as_raw(frame)):
        assert "a-pass-word" not in text
        assert hidden not in text
        assert "(secret)" in text


def test_tap_says_what_it_does_not_understand() -> None:
    assert "not understood" in as_line(b"nonsense")
    assert "error" in as_json(b"system.clock\0\xc1", 0.0)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9) | st.binary(), children)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["v", "s", "r", "n", "t", "w", "i", "h", "b"]), JUNK))
def test_tap_shows_whatever_a_stranger_sends(envelope: dict[str, object]) -> None:
    frame = b"system.clock\0" + msgpack.packb(envelope)
    assert as_line(frame)
    assert json.loads(json.dumps(as_json(frame, 0.0), allow_nan=False))


def test_a_filter_matches_topic_and_key_from_the_beginning() -> None:
    assert Filter([]).passes(b"anything\0")
    assert Filter(["session."]).passes(b"session.connector/1\0")
    assert Filter(["session.connector/1"]).passes(b"session.connector/1\0")
    assert not Filter(["session.connector/2"]).passes(b"session.connector/1\0")
    assert not Filter(["connector"]).passes(b"session.connector/1\0")
    Filter(["sess", "session.connector/1"]).check()
    with pytest.raises(Failure, match="no topic begins with"):
        Filter(["nothing."]).check()


def test_a_table_aligns_numbers_to_the_right() -> None:
    assert table([("a", 5), ("bcd", 100)], ("name", "n")) == "name    n\na       5\nbcd   100"
    assert table([], ("name",)) == "name"


@pytest.mark.parametrize(("seconds", "text"), [(4, "4 s"), (300, "5 min"), (7200, "2 h"), (200_000, "2 d")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_no_colour_when_it_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.coloured("x", "31") == "x"


def test_lines_of_a_traceback_stay_behind_their_own_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "2026-01-01T00:00:01 ERR x\n  File y\n2026-01-01T00:00:02 INFO z\n", encoding="utf-8"
    )
    lines = _last_lines(tmp_path / "a.log", 10)
    assert [moment for moment, _, _ in lines] == ["2026-01-01T00:00:01"] * 2 + ["2026-01-01T00:00:02"]
