"""Services forked from supervisord: they cannot tell it from having been executed, and run the code on the disk."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chargectl.forked import OWN_HERE, OWN_PACKAGES
from chargectl.supervisor import program_names
from services.home import Home
from services.lock import is_alive, parent_of
from tests.preload_tree import EXECUTED, PROBE, Tree
from tests.running_station import ROOT, RunningStation, environment, wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path)
    yield made
    made.end()
    Home(tmp_path).remove_short_link()


def is_forked(report: dict[str, Any]) -> bool:
    return bool(report["name"] == "probe")


def test_a_forked_service_finds_what_an_executed_one_finds(tree: Tree) -> None:
    tree.add("forked")
    tree.add("executed", own_environment=EXECUTED)
    tree.start()
    forked, executed = tree.report("forked"), tree.report("executed")
    assert is_forked(forked)
    assert not is_forked(executed)
    assert "executes an interpreter of its own" in tree.log("executed")
    assert "EXECUTED" in tree.log("executed"), "the reason is named"
    assert tree.log("forked") == ""
    differ = {"pid", "name", "environment"}
    for field in sorted(forked.keys() - differ):
        assert _unnamed(forked[field]) == _unnamed(executed[field]), field
    expected = {name: value.replace("executed", "forked") for name, value in executed["environment"].items()}
    expected = {name: value for name, value in expected.items() if name not in ("EXECUTED", "PYTEST_CURRENT_TEST")}
    assert {name: value for name, value in forked["environment"].items() if name != "PYTEST_CURRENT_TEST"} == expected
    assert forked["environment"]["SUPERVISOR_PROCESS_NAME"] == "forked"
    assert forked["descriptors"] == [0, 1, 2]
    assert (forked["parent"], forked["tasks"], forked["wakeup"]) == (tree.process.pid, 1, -1)
    assert forked["umask"] == 0o027
    assert "services.probe" in forked["command line"].split("\0")


def _unnamed(value: Any) -> Any:
    return json.loads(json.dumps(value).replace("executed", "forked"))


ENDS = {
    "returns": "exit status 0",
    "exit 3": "exit status 3",
    "exit with words": "exit status 1",
    "raises": "exit status 1",
    "interrupted": "terminated by SIGINT",
    "terminated": "terminated by SIGTERM",
    "broken memory": "terminated by SIGSEGV",
    "late words": "exit status 0",
}


def test_every_end_of_a_forked_service_is_told_as_of_an_executed_one_and_harms_nobody(tree: Tree) -> None:
    names = {end: end.replace(" ", "_") for end in ENDS}
    for end, name in names.items():
        tree.add(f"forked_{name}", end)
        tree.add(f"executed_{name}", end, own_environment=EXECUTED)
    tree.add("bystander")
    tree.start(PYTHONUNBUFFERED="")
    bystander = tree.report("bystander")["pid"]
    for end, name in names.items():
        for kind in ("forked", "executed"):
            told = f"exited: {kind}_{name} ({ENDS[end]}"
            wait_until(lambda: told in tree.own_log, f"{told}\n{tree.own_log}\n{tree.log(f'{kind}_{name}')}")  # noqa: B023
    for name in names.values():
        words = tree.log(f"executed_{name}").splitlines()[1:]
        assert [each for each in tree.log(f"forked_{name}").splitlines() if "frozen runpy" not in each] == [
            each for each in words if "frozen runpy" not in each
        ], name
    assert tree.log("forked_late_words").strip() == "from a thread at the end"
    assert "ZeroDivisionError" in tree.log("forked_raises")
    assert "supervisor/" not in tree.log("forked_raises"), "a traceback shows the service, not what forked it"
    assert tree.process.poll() is None
    assert is_alive(bystander)


def test_a_killed_or_restarted_service_is_forked_again_with_the_code_on_the_disk(tree: Tree) -> None:
    tree.add("changed")
    tree.add("untouched")
    tree.start()
    first, other = tree.report("changed"), tree.report("untouched")
    os.kill(first["pid"], signal.SIGKILL)
    second = tree.report("changed", not_of=first["pid"])
    tree.write(PROBE.replace('"first"', '"written later"'))
    tree.supervisor.stop("changed")
    tree.supervisor.start("changed")
    third = tree.report("changed", not_of=second["pid"])
    assert [each["version"] for each in (first, second, third)] == ["first", "first", "written later"]
    assert all(is_forked(each) for each in (first, second, third))
    assert third["ours"] == ["services", "services.probe"]
    assert tree.report("untouched")["pid"] == other["pid"]
    assert is_alive(other["pid"])
    assert tree.process.poll() is None


def test_a_forked_service_ends_with_a_killed_supervisord(tree: Tree) -> None:
    tree.add("forked")
    tree.start()
    report = tree.report("forked")
    assert is_forked(report)
    assert parent_of(report["pid"]) == tree.process.pid
    tree.process.kill()
    wait_until(lambda: not is_alive(report["pid"]), "PR_SET_PDEATHSIG ends it", 5)


@pytest.mark.parametrize(
    ("options", "more", "reason"),
    [
        ("-m", {}, "its command does not begin"),
        ("-P -X dev -m", {}, "its command"),
        ("-P -m", {"CHARGE_PRELOAD": "0"}, ""),
    ],
)
def test_other_options_or_the_switch_execute_an_interpreter(
    tree: Tree, options: str, more: dict[str, str], reason: str
) -> None:
    tree.add("service", options=options)
    tree.start(**more)
    assert not is_forked(tree.report("service"))
    assert reason in tree.log("service")
    assert ("CHARGE_PRELOAD=0" in tree.own_log) is bool(more)


def test_reload_and_reopening_of_logs_go_on_working(tree: Tree) -> None:
    tree.add("forked")
    tree.start()
    first = tree.report("forked")
    os.kill(tree.process.pid, signal.SIGHUP)
    second = tree.report("forked", not_of=first["pid"])
    assert is_forked(second)
    assert second["descriptors"] == [0, 1, 2]
    (tree.home / "supervisord.log").rename(tree.home / "kept.log")
    os.kill(tree.process.pid, signal.SIGUSR2)
    wait_until((tree.home / "supervisord.log").exists, "a new log")
    assert [each.name for each in tree.supervisor.programs()] == ["forked"]


IN_THE_CHILD = """
import os, signal, sys, threading
from dataclasses import replace
from types import SimpleNamespace
from chargectl.supervisor_preload import Forking, preload

def fork():
    child = os.fork()
    if child == 0 and "{what}" == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
    return child

for number in (signal.SIGTERM, signal.SIGCHLD):
    signal.signal(number, lambda *_: None)
preloaded = preload()
if "{what}" == "package":
    preloaded = replace(preloaded, fingerprint=b"another")
ends = threading.Event()
if "{what}" == "thread":
    threading.Thread(target=ends.wait).start()
forking = Forking(preloaded, SimpleNamespace(fork=fork, execve=os.execve))
child = forking.fork()
if child == 0:
    forking.execve(sys.executable, [sys.executable, *{arguments}], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
ends.set()
"""
SERVICE, ANOTHER = ["-P", "-m", "services.probe", "unused", "exit_3"], ["-c", "raise SystemExit(3)"]


@pytest.mark.parametrize(
    ("what", "arguments", "code", "words"),
    [
        ("nothing", SERVICE, 3, ""),
        ("nothing", ANOTHER, 3, ""),
        ("package", SERVICE, 3, "probe executes an interpreter of its own: packages have been changed"),
        ("package", ANOTHER, 3, ""),
        ("thread", SERVICE, 3, "probe executes an interpreter of its own: supervisord has 2 threads"),
        ("signal", SERVICE, -signal.SIGTERM, ""),
        ("signal", ANOTHER, -signal.SIGTERM, ""),
    ],
)
def test_a_doubt_is_named_and_no_signal_is_swallowed_by_the_handlers_of_the_parent(
    tmp_path: Path, what: str, arguments: list[str], code: int, words: str
) -> None:
    code_path = Tree(tmp_path).code
    text = IN_THE_CHILD.replace("{what}", what).replace("{arguments}", repr(arguments))
    (code_path / "in_the_child.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "in_the_child"],
        env={**environment(), "PYTHONPATH": os.pathsep.join([str(code_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.split() == [str(code), "set()"], done.stderr
    assert (words in done.stderr) if words else done.stderr == ""


def test_every_service_of_a_station_is_forked_from_one_thread_and_shown_by_its_name(
    running_station: RunningStation,
) -> None:
    supervisord = running_station.status().supervisord
    assert len(list(Path(f"/proc/{supervisord}/task").iterdir())) == 1
    for name in running_station.names():
        process = Path(f"/proc/{running_station.process(name)}")
        assert (process / "comm").read_text(encoding="ascii").strip() == name[:15]
        shown = subprocess.run(["ps", "-o", "args=", process.name], capture_output=True, text=True, check=True).stdout
        assert shown.split()[-1] == f"services.{name}"
        assert b"CHARGE_START_ID" in (process / "environ").read_bytes()


IMPORTED = """
import importlib, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(*(set(sys.modules) - before))
"""


def imported(code: str, *arguments: str) -> set[str]:
    command = [sys.executable, "-P", "-c", code, *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=True)
    return {name for name in done.stdout.split() if name.partition(".")[0] not in OWN_PACKAGES}


def test_what_at_least_two_services_import_is_preloaded() -> None:
    preloaded = imported(
        "import sys; from chargectl.supervisor_preload import MODULES; import importlib, supervisor.supervisord\n"
        "for name in MODULES: importlib.import_module(name)\n"
        "print(*sys.modules)"
    )
    services = [imported(IMPORTED, f"services.{name}.__main__") for name in program_names() if name != "world"]
    shared = {each for names in services for each in names if sum(each in others for others in services) > 1}
    assert sorted(each for each in shared - preloaded if "cython" not in each) == []


def test_supervisord_imports_no_other_module_of_ours_than_its_plug_ins() -> None:
    code = (
        "import sys, chargectl.supervisor_wake, chargectl.supervisor_preload as p; [__import__(n) for n in p.MODULES]\n"
        "print(*(f'x.{n}' for n in sys.modules if n.partition('.')[0] in p.OWN_PACKAGES))"
    )
    assert {each.removeprefix("x.") for each in imported(code)} == set(OWN_HERE)
