"""The process tree: start, end, kills, power cuts, two stations, and homes that cannot be used."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.topics import SYSTEM_REBOOT
from chargectl.supervisor import CONFIGURATION
from schemas.system import BootReason, RebootRequest
from services.endings import read_ending
from services.exit_codes import ExitCode
from services.lock import is_alive
from tests.running_station import STATION, RunningStation, chargectl, environment, wait_until

pytestmark = pytest.mark.process
MakeStation = Callable[..., RunningStation]


def running(station: RunningStation, name: str) -> int:
    """The process that executes this service's module; 0 = none."""
    for process in station.processes():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if f"services.{name}".encode() in words:
                return process
    return 0


def test_a_killed_service_is_back_within_half_a_second(shared_station: RunningStation) -> None:
    wait_until(lambda: all(each.state == "RUNNING" for each in shared_station.programs().values()), "all RUNNING")
    pauses = []
    for name in ("hmi", "system", "settings"):
        process = shared_station.process(name)
        os.kill(process, signal.SIGKILL)
        killed_s = time.monotonic()
        # asking supervisord would wake it: look at the processes themselves
        wait_until(lambda: running(shared_station, name) not in (0, process), f"{name} is back")  # noqa: B023
        pauses.append(time.monotonic() - killed_s)
    shared_station.wait_healthy()
    assert max(pauses) < 0.5, f"stock supervisord takes more than 1 s; measured {pauses}"


def test_supervisorctl_restarts_one_service_with_the_shipped_configuration(shared_station: RunningStation) -> None:
    before = {name: program.pid for name, program in shared_station.programs().items()}
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(CONFIGURATION), "restart", "session"],
        env={**environment(), "CHARGE_HOME": str(shared_station.home.root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = {name: program.pid for name, program in shared_station.programs().items()}
    assert {name for name in before if before[name] != after[name]} == {"session"}
    shared_station.wait_healthy()


def test_a_second_instance_on_the_same_home_is_refused_with_words(shared_station: RunningStation) -> None:
    before = shared_station.programs()
    second = chargectl("up", home=shared_station.home.root)
    assert second.returncode == ExitCode.ALREADY_RUNNING
    assert "runs already" in second.stderr
    assert str(shared_station.home.root) in second.stderr
    assert {name: each.pid for name, each in shared_station.programs().items()} == {
        name: each.pid for name, each in before.items()
    }


def test_ctrl_c_ends_everything_and_says_why(running_station: RunningStation) -> None:
    processes = running_station.processes()
    assert len(processes) >= len(running_station.names()) + 1
    assert running_station.stop() == ExitCode.OK
    assert not any(is_alive(process) for process in processes)
    assert running_station.processes() == []
    ending = read_ending(running_station.home)
    assert ending is not None
    assert ending.reason is BootReason.SHUTDOWN
    assert not ending.again


def test_when_chargectl_up_is_killed_nothing_of_the_station_stays(running_station: RunningStation) -> None:
    assert running_station.up is not None
    running_station.up.kill()
    wait_until(lambda: running_station.processes() == [], "all services ended")


def test_when_supervisord_is_killed_the_station_ends_with_words(running_station: RunningStation) -> None:
    os.kill(running_station.status().supervisord, signal.SIGKILL)
    assert running_station.up is not None
    assert running_station.up.wait(20) == ExitCode.FAILED
    assert "killed by SIGKILL" in running_station.output()
    assert running_station.processes() == []


def test_a_power_cut_ends_everything_at_once_and_the_next_start_knows_it(running_station: RunningStation) -> None:
    first_start = running_station.status().boot["start_id"]
    running_station.power_cut()
    assert running_station.processes() == []
    assert running_station.up is not None
    assert running_station.up.wait(5) == -signal.SIGKILL
    again = chargectl("sim", "power-cut", home=running_station.home.root)
    assert again.returncode == ExitCode.NOT_RUNNING
    boot = running_station.start().status().boot
    assert boot["reason"] == "power loss"
    assert boot["start_id"] != first_start


def test_two_stations_run_side_by_side_and_a_power_cut_hits_one(make_station: MakeStation) -> None:
    first, second = make_station("first"), make_station("second")
    first.launch()
    second.launch()
    first.wait_healthy()
    second.wait_healthy()
    before = {name: each.pid for name, each in second.programs().items()}
    first.power_cut()
    assert first.processes() == []
    assert {name: each.pid for name, each in second.programs().items()} == before
    assert second.wait_healthy().healthy


def test_a_reboot_request_restarts_the_whole_tree_with_its_reason(running_station: RunningStation) -> None:
    before = running_station.status()
    with running_station.bus(asks=(SYSTEM_REBOOT,)) as client:
        client.ask(SYSTEM_REBOOT, RebootRequest, reason=BootReason.SOFT_RESET, detail="a test")

    def restarted() -> bool:
        boot = running_station.wait_healthy().boot
        return bool(boot) and boot["start_id"] != before.boot["start_id"]

    wait_until(restarted, "a new start", 40)
    after = running_station.status()
    assert after.boot["reason"] == "soft reset"
    assert {each.pid for each in before.services}.isdisjoint({each.pid for each in after.services})


@pytest.mark.parametrize("name", ["with space, 100% and ümlaut", "/".join(["a-very-long-name-of-a-directory"] * 6)])
def test_an_unusual_or_very_long_path_is_no_obstacle(make_station: MakeStation, name: str) -> None:
    station = make_station(name).start()
    assert chargectl("service", "restart", "hmi", home=station.home.root).returncode == 0
    assert station.sim("state")["ok"]
    assert station.stop() == ExitCode.OK
    ways = station.home.socket_directory(make=False)
    assert ways == station.home.run or not ways.is_symlink(), "the short link to a long path is taken away"
    assert chargectl("status", home=station.home.root).returncode == ExitCode.NOT_RUNNING
    assert chargectl("sim", "state", home=station.home.root).returncode == ExitCode.NOT_RUNNING
    assert ways == station.home.run or not ways.is_symlink(), "and not made anew by looking at it"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (STATION.replace("cable =", "cabel ="), ("line 4", "'cable'")),
        (STATION + "[settings]\nFreeChargin = true\n", ("line 8", "FreeCharging")),
        ("connector = 3\n", ("connector",)),
        ("[station\n", ("line 1",)),
    ],
)
def test_a_wrong_station_file_stops_the_start_with_line_and_right_name(
    tmp_path: Path, wrong: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "station.toml").write_text(wrong, encoding="utf-8")
    done = chargectl("up", home=tmp_path)
    assert done.returncode == ExitCode.BAD_CONFIGURATION
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_or_read_only_disk_stops_the_start_with_words(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk to fill: run the tests as root for this one")
    try:
        (disk / "station.toml").write_text(STATION, encoding="utf-8")
        full = chargectl("up", home=disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        read_only = chargectl("up", home=disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    for done, word in ((full, "No space left"), (read_only, "Read-only")):
        assert done.returncode == ExitCode.CANNOT_WRITE
        assert word in done.stderr
        assert "another home" in done.stderr or "you may write to" in done.stderr


SMALL_TREE = """\
[supervisord]
nodaemon=true
silent=true
logfile={home}/log
pidfile={home}/pid
[unix_http_server]
file={home}/s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:wake]
supervisor.rpcinterface_factory=chargectl.supervisor_wake:make_interface
[program:one]
command={python} -c "{code}"
startsecs=1
startretries=1000000000
autorestart=true
"""


@contextlib.contextmanager
def small_tree(home: Path, code: str) -> Iterator[None]:
    """supervisord with the plug-in and one program, which says nothing."""
    text = SMALL_TREE.format(home=home, python=sys.executable, code=code.format(home=home))
    (home / "conf").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(home / "conf")]
    supervisord = subprocess.Popen(command, env=environment())
    try:
        yield
    finally:
        supervisord.terminate()
        supervisord.wait(20)


def test_a_program_that_is_killed_is_started_again_at_once(tmp_path: Path) -> None:
    starts, log = tmp_path / "starts", tmp_path / "log"
    code = "import os, signal; open('{home}/starts', 'a').write(str(os.getpid()) + ' '); signal.pause()"
    pauses = []
    with small_tree(tmp_path, code):
        for count in (1, 2, 3):
            wait_until(lambda: log.exists() and log.read_text().count("entered RUNNING") == count, "RUNNING")  # noqa: B023
            os.kill(int(starts.read_text().split()[-1]), signal.SIGKILL)
            killed_s = time.monotonic()
            wait_until(lambda: len(starts.read_text().split()) == count + 1, "started again")  # noqa: B023
            pauses.append(time.monotonic() - killed_s)
    assert max(pauses) < 0.5, f"stock supervisord takes more than 1 s; measured {pauses}"


def test_a_crash_loop_pauses_at_most_two_seconds_and_is_never_given_up(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    seen: list[float] = []
    with small_tree(tmp_path, "open('{home}/starts', 'a').write('x')"):
        for count in range(6):
            wait_until(lambda: starts.exists() and starts.stat().st_size > count, "started", every_s=0.01)  # noqa: B023
            seen.append(time.monotonic())
    pauses = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert len(pauses) == 5
    assert min(pauses) > 0.5, f"a crash loop must not burn the processor: {pauses}"
    assert max(pauses) < 2.5, f"stock supervisord would pause 1, 2, 3, 4 ... s: {pauses}"
