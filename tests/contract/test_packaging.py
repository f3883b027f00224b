"""Lock files, shipped files, and the process tree against the topic table."""

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bus.topics import OWNERS
from chargectl.supervisor import CONFIGURATION, program_names

pytestmark = pytest.mark.contract
ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements.lock", "requirements-test.lock")


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.MULTILINE))


def within(version: str, requirement: str) -> bool:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    lowest, below = re.findall(r">=([\d.]+),<([\d.]+)", requirement)[0]
    return numbers(lowest) <= numbers(version) < numbers(below)


def test_every_dependency_is_pinned_inside_its_range() -> None:
    described = project()
    for name, requirements in (
        ("requirements.lock", described["dependencies"]),
        ("requirements-test.lock", described["dependencies"] + described["optional-dependencies"]["test"]),
    ):
        pinned = pins(name)
        for requirement in requirements:
            package = re.match(r"[A-Za-z0-9_.-]+", requirement)
            assert package is not None
            assert within(pinned[package.group()], requirement), f"{requirement} in {name}: make the lock anew"


def test_the_test_lock_contains_the_base_lock() -> None:
    base, tests = pins(LOCKS[0]), pins(LOCKS[1])
    assert {name: tests.get(name) for name in base} == base


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_everything_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    packages = re.split(r"^(?=[A-Za-z0-9_.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(packages) == len(pins(name))
    assert all("--hash=sha256:" in package for package in packages)


def programs() -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read(CONFIGURATION, encoding="utf-8")
    return {
        section.partition(":")[2]: dict(parser.items(section))
        for section in parser.sections()
        if section.startswith("program:")
    }


def test_supervisord_runs_every_service_that_exists_and_nothing_else() -> None:
    existing = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}
    assert set(programs()) == existing
    assert existing <= set(OWNERS)
    assert sorted(program_names()) == sorted(existing)


def test_every_program_comes_back_for_ever_and_has_a_bounded_log() -> None:
    for name, options in programs().items():
        assert options["autorestart"] == "true", name
        assert options["startsecs"] == "1", name
        assert int(options["startretries"]) > 1_000_000, name
        assert options["stopwaitsecs"] == "5", name
        assert options["redirect_stderr"] == "true", name
        assert options["stdout_logfile"] == f"log/{name}.log", name
        assert (options["stdout_logfile_maxbytes"], options["stdout_logfile_backups"]) == ("1MB", "5"), name
        assert options["command"].endswith(f" -m services.{name}"), name


def test_safety_stops_after_session_and_before_the_world() -> None:
    order = {name: int(options["priority"]) for name, options in programs().items()}
    assert order["world"] < order["safety"] < order["session"]


def test_the_process_tree_is_shipped_and_at_the_top_of_the_project() -> None:
    assert CONFIGURATION.resolve() == (ROOT / "supervisord.conf").resolve()
