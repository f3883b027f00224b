"""How the kernels of `tests/kernels` are built, found and started: what is missing is said, nothing is left behind."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.gpio_sim import main
from tests.kernels import machine
from tests.kernels.machine import ROOT, NotHere, boot, kernel

pytestmark = pytest.mark.contract

BUILD = ROOT / "tests/kernels/build"
PLAIN = ("bash", "cat", "dirname", "find", "grep", "mktemp", "rm", "sort", "tail")


def build(cache: Path, path: str, source: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "XDG_CACHE_HOME": str(cache), "CHARGE_LINUX_SOURCE": str(source)}
    return subprocess.run([BUILD, *words], env=environment, capture_output=True, text=True, timeout=30)


def test_the_build_names_what_is_missing_and_builds_nothing(tmp_path: Path) -> None:
    plain = tmp_path / "bin"
    plain.mkdir()
    for each in PLAIN:
        found = shutil.which(each)
        assert found is not None
        (plain / each).symlink_to(found)
    source = tmp_path / "linux-source.tar.xz"
    source.touch()
    without_tools = build(tmp_path / "cache", str(plain), source)
    assert without_tools.returncode == 2
    assert "missing to build it: apt-get install" in without_tools.stderr
    assert {"flex", "bison", "bc", "make", "xz-utils"} <= set(without_tools.stderr.split())
    without_source = build(tmp_path / "cache", str(plain), tmp_path / "nowhere", "qemu")
    assert without_source.returncode == 2
    assert "no kernel source: apt-get install" in without_source.stderr
    assert "usage" in build(tmp_path / "cache", str(plain), source, "windows").stderr
    assert not (tmp_path / "cache").exists()


def test_a_kernel_is_the_named_one_or_that_of_the_cache_or_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHARGE_UML", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(NotHere, match=r"no kernel for uml: build one .* with: tests/kernels/build uml"):
        kernel("uml")
    for directory in ("bin", "charge-controller/kernels"):
        place = tmp_path / directory / "linux.uml"
        place.parent.mkdir(parents=True)
        place.write_text("")
        place.chmod(0o755)
        assert kernel("uml") == place
    named = tmp_path / "mine"
    monkeypatch.setenv("CHARGE_UML", str(named))
    with pytest.raises(NotHere, match="there is no kernel"):
        kernel("uml")
    named.write_text("")
    assert kernel("uml") == named


def test_what_cannot_be_started_is_told_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    useless = tmp_path / "linux"
    useless.write_text("no program")
    assert main(["--kernel", str(useless)]) == 2
    assert "cannot be started: Permission denied" in capsys.readouterr().err
    useless.write_text("#!/bin/sh\necho nothing of interest\n")
    useless.chmod(0o755)
    assert main(["--kernel", str(useless)]) == 1
    assert "ended before all was done:\nnothing of interest" in capsys.readouterr().err


def test_a_machine_that_does_not_end_is_ended_with_everything_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine.LONGEST_RUN_S, "uml", 1.0)
    endless = tmp_path / "linux"
    child = tmp_path / "child"
    endless.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {child}\necho booting\nwait\n")
    endless.chmod(0o755)
    with pytest.raises(AssertionError, match="did not end in 1 s:\nbooting"):
        boot("uml", endless, ["true"])
    end_s = time.monotonic() + 10.0
    while _runs(int(child.read_text())):
        assert time.monotonic() < end_s, "its child goes on"


def _runs(pid: int) -> bool:
    """A zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
