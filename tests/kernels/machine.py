"""Starts a kernel of `tests/kernels/build` on this machine's own tree, read-only, without privileges.

`uml`: User-Mode Linux, an ordinary process. `qemu`: the PC of QEMU with its interpreter of machine code (TCG).
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.kernels.i2c import ADDRESSES

ROOT = Path(__file__).resolve().parents[2]
FILES = {"uml": "linux.uml", "qemu": "bzImage"}
LONGEST_RUN_S = {"uml": 300.0, "qemu": 900.0}
BUILD = "tests/kernels/build"
EMULATOR = "qemu-system-x86_64"
OPTIONS = (
    f"i2c_stub.chip_addr={','.join(hex(each) for each in ADDRESSES)} softdog.soft_panic=1 panic=-1 quiet loglevel=1"
)
"""A watchdog that bites ends the machine at once, as any panic does."""
INTERPRETED = ("-accel", "tcg", "-icount", "shift=2,sleep=off")
"""Its time is that of a processor of 250 million instructions per second, however busy this machine is."""
ROOT_9P = "root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,cache=loose,msize=262144"
SHARED = "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
BIOS = r"\x1b(?:c|\[[0-9;?]*[A-Za-z])"
"""What it paints the screen with."""
POWER_OFF = "import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)"
SCRATCH = "/dev/scratch"
"""Inside: the only place that can be written to."""


class NotHere(Exception):
    """It cannot be tried on this machine; the text says what is missing and what to do."""


def cache() -> Path:
    """Where `tests/kernels/build` leaves its kernels."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charge-controller" / "kernels"


def kernel(kind: str, named: Path | None = None) -> Path:
    """`named`, $CHARGE_UML or $CHARGE_BZIMAGE, the cache, the PATH. Raises NotHere."""
    variable = os.environ.get("CHARGE_UML" if kind == "uml" else "CHARGE_BZIMAGE")
    if named is None and variable:
        named = Path(variable)
    if named is not None:
        if not named.is_file():
            raise NotHere(f"there is no kernel {named}; build one with: {BUILD} {kind}")
        return named.resolve()
    for each in (cache() / FILES[kind], shutil.which(FILES[kind])):
        if each and Path(each).is_file():
            return Path(each)
    raise NotHere(f"no kernel for {kind}: build one (some minutes) with: {BUILD} {kind}")


def boot(kind: str, file: Path, command: list[str]) -> str:
    """Runs `command` in the checkout as the only work of a new machine; returns what it printed.

    Raises NotHere (QEMU is not installed) and AssertionError (the machine did not end).
    """
    if kind == "qemu" and shutil.which(EMULATOR) is None:
        raise NotHere(f"{EMULATOR} is not installed: apt-get install --no-install-recommends qemu-system-x86")
    with tempfile.TemporaryDirectory() as scratch:
        init = Path(scratch) / "init"
        init.write_text(_init(command), encoding="utf-8")
        init.chmod(0o755)
        words = _uml(file, init) if kind == "uml" else _qemu(file, init)
        return _run(words, Path(scratch), LONGEST_RUN_S[kind])


def _run(words: list[str], scratch: Path, limit_s: float) -> str:
    """In a session of its own: User-Mode Linux that panics ends its whole process group."""
    home = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(scratch), "TMPDIR": str(scratch)}
    with (scratch / "said").open("w+b") as said:
        try:
            process = subprocess.Popen(
                words,
                cwd=scratch,
                env=home,
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise NotHere(f"{words[0]} cannot be started: {error.strerror}") from error
        in_time = True
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            in_time = False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        text = re.sub(BIOS, "", said.read().decode(errors="replace").replace("\r\n", "\n"))
    assert in_time, f"the machine did not end in {limit_s:.0f} s:\n{text}"
    return text


def _uml(file: Path, init: Path) -> list[str]:
    root = ["root=root", "rootfstype=hostfs", "rootflags=/", "con=null", "con0=null,fd:1"]
    return [str(file), "mem=384M", *root, "ro", f"init={init}", *OPTIONS.split()]


def _qemu(file: Path, init: Path) -> list[str]:
    machine = [EMULATOR, *INTERPRETED, "-m", "512", "-nographic", "-no-reboot", "-nic", "none"]
    append = f"console=ttyS0 {ROOT_9P} ro init={init} {OPTIONS}"
    return [*machine, "-virtfs", SHARED, "-kernel", str(file), "-append", append]


def _init(command: list[str]) -> str:
    """The first program: what mounts, works and powers off."""
    off = shlex.join([sys.executable, "-c", POWER_OFF])
    return "\n".join(
        (
            "#!/bin/sh",
            f"export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME={SCRATCH} TMPDIR={SCRATCH}",
            "mount -t proc proc /proc",
            "mount -t sysfs sysfs /sys",
            "mount -t configfs configfs /sys/kernel/config",
            "mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev",
            f"mkdir -p /dev/pts {SCRATCH}",
            "mount -t devpts devpts /dev/pts",
            f"mount -t tmpfs tmpfs {SCRATCH}",
            f"cd {shlex.quote(str(ROOT))}",
            shlex.join(command),
            off,
            "",
        )
    )
