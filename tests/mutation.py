"""Breaks the pure safety core in many places, one at a time, and runs the tests that ought to notice.

    python -m tests.mutation [--places 120] [--seed 61851] [--only services/safety/pilot.py]
    python -m tests.mutation --place "unread: return"        every place whose name has this in it, once more

Every broken core lives in a private copy of the package; two are tested at a time. What no test notices is listed, with
the reason from `tests/mutation_survivors.toml`, if it has one there.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutation_sites import Site, broken, sites

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "services/safety"
REASONS = ROOT / "tests" / "mutation_survivors.toml"
WANTED = 0.95
AT_ONCE = 2
PLACES, SEED = 120, 61851
COPIED = ("bus", "chargectl", "hardware", "schemas", "services", "tests", "pyproject.toml", "supervisord.conf")
NEVER_COPIED = shutil.ignore_patterns("__pycache__", ".hypothesis", ".pytest_cache", "golden")

CONTACT = ("contacts", "configurations", "faults", "pilot", "lock", "restart", "board_away", "wear", "phases")
ANYTHING = ("properties",)
EDGES = "edges"
"""Quick, and of the whole core: it goes first."""
RESIDUAL = ("residual_current", "protective_devices", "residual_properties")
TESTS: dict[str, tuple[str, ...]] = {
    "core": ("pilot", "faults", "restart", "contacts", "configurations", "lock", *ANYTHING),
    "readings": ("pilot", "contacts", "faults", "lock", "restart", "board_away", "configurations", *ANYTHING),
    "pilot": ("pilot", "faults", "configurations", "phases", "restart", "supply", "thermal", *ANYTHING),
    "contactor": ("contacts", "pilot", "faults", "configurations", "restart", "wear", *ANYTHING),
    "contact_causes": ("contacts", "faults", "restart", "board_away", "configurations", *ANYTHING),
    "lock": ("lock", "configurations", "faults", "restart", *ANYTHING),
    "proofs": ("lock", "contacts", "configurations", "faults", *ANYTHING),
    "faults": ("faults", "fault_catalogue", "restart", "contacts", "lock", "pilot", "supply", *ANYTHING),
    "causes": ("faults", "lock", "pilot", "configurations", "board_away", "restart", *ANYTHING),
    "rule": ("faults", "pilot", *ANYTHING),
    "permission": ("pilot", "faults", "restart", "lock", "phases"),
    "duty": ("duty", "pilot", "lock"),
    "equipment": ("configurations", "contacts", "lock", "faults"),
    "wake_up": ("configurations", "pilot", "restart", "faults"),
    "timings": ("duty", "pilot", "faults", *CONTACT[:2], *CONTACT[4:], "supply", "panel", *RESIDUAL[:2], *ANYTHING),
    "residual": RESIDUAL,
    "thermal": ("thermal", "warmth_and_mains_properties"),
    "supply": ("supply", "warmth_and_mains_properties", "pilot"),
    "phases": ("phases", "configurations"),
    "wear": ("wear",),
    "panel/causes": ("panel", "board_away"),
    "panel/inputs": ("panel", "board_away"),
    "panel/series": ("panel",),
    "panel/outputs": ("panel",),
    "panel/calibration": ("panel",),
}
"""By module or room: its tests, those that notice first in front (`test_safety_<word>.py`)."""
ROOMS = ("residual", "thermal", "supply", "phases", "wear")
NO_RULES = ("__init__", "state", "words")


class Verdict(NamedTuple):
    site: Site
    killed_by: str
    """The test, "endless"; empty = no test noticed."""
    seconds: float


def modules() -> list[Path]:
    """Files that are broken, relative to the root."""
    folder = ROOT / PACKAGE
    single = [folder / f"{name}.py" for name in TESTS if name not in ROOMS]
    of_rooms = [each for room in ROOMS for each in sorted((folder / room).glob("*.py")) if each.stem not in NO_RULES]
    return [each.relative_to(ROOT) for each in single + of_rooms]


def files_of(module: str) -> list[str]:
    """`module`: path of a file relative to the root."""
    inside = Path(module).relative_to(PACKAGE).with_suffix("")
    words = TESTS.get(inside.as_posix()) or TESTS[inside.parts[0]]
    return [_file_of(word) for word in (EDGES, *words)]


def _file_of(word: str) -> str:
    """On the bench; a few words are pure rules."""
    bench = f"tests/bench/test_safety_{word}.py"
    return bench if (ROOT / bench).exists() else f"tests/unit/test_safety_{word}.py"


def every_site(only: Sequence[str] = ()) -> list[Site]:
    paths = [path for path in modules() if not only or path.as_posix() in only]
    return [site for path in paths for site in sites(path.as_posix(), (ROOT / path).read_text(encoding="utf-8"))]


def chosen(count: int, seed: int, only: Sequence[str] = ()) -> list[Site]:
    """The same places for the same seed and the same sources; about as many of every kind as the code has."""
    every = every_site(only)
    return random.Random(seed).sample(every, min(count, len(every)))


def reasons() -> dict[str, str]:
    """By name of a site: why no test can, or should, notice."""
    listed = tomllib.loads(REASONS.read_text(encoding="utf-8")).get("survivor", [])
    return {each["place"]: each["reason"] for each in listed}


@contextmanager
def copies(count: int) -> Iterator["SimpleQueue[Path]"]:
    """So many private copies of what the tests need."""
    free: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="mutation-") as directory:
        for number in range(count):
            place = Path(directory) / str(number)
            place.mkdir()
            for name in COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, place / name, ignore=NEVER_COPIED)
                elif source.exists():
                    shutil.copy2(source, place / name)
            free.put(place)
        yield free


def noticed(place: Path, module: str) -> str:
    """Runs the tests of this module in a copy: the first test that fails, "endless", or empty."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["-p", "tests.mutation_clock", "--no-header", "--tb=no", *files_of(module)]
    ran = subprocess.run(
        command,
        cwd=place,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ran.returncode == 0:
        return ""
    failed = [line.split(" ", 1)[1] for line in ran.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if failed:
        return failed[0].split(" - ")[0]
    return "endless" if ran.returncode < 0 else f"pytest ends with {ran.returncode}"


def judged(site: Site, free: "SimpleQueue[Path]") -> Verdict:
    """Breaks one copy, runs its tests and mends it again."""
    module = site.where.partition(":")[0]
    place = free.get()
    whole = (place / module).read_text(encoding="utf-8")
    before = os.times()
    try:
        (place / module).write_text(broken(module, whole, site.name), encoding="utf-8")
        return Verdict(site, noticed(place, module), os.times().elapsed - before.elapsed)
    finally:
        (place / module).write_text(whole, encoding="utf-8")
        free.put(place)


def run(picked: Sequence[Site]) -> list[Verdict]:
    """Raises RuntimeError when the unbroken core fails, or a core that does nothing passes."""
    with copies(AT_ONCE) as free, ThreadPoolExecutor(AT_ONCE) as pool:
        _prove_the_bench(free)
        verdicts = []
        for verdict in pool.map(lambda site: judged(site, free), picked):
            verdicts.append(verdict)
            said = verdict.killed_by or "NOBODY NOTICES"
            print(f"{len(verdicts):4} {verdict.seconds:6.1f} s  {verdict.site.name}  [{said}]", flush=True)
        return verdicts


def _prove_the_bench(free: "SimpleQueue[Path]") -> None:
    module = f"{PACKAGE}/core.py"
    place = free.get()
    free.put(place)
    whole = (place / module).read_text(encoding="utf-8")
    if failed := noticed(place, module):
        raise RuntimeError(f"the tests fail without a change: {failed}")
    (place / module).write_text(whole + "\n\ndef step(*_: object) -> None:\n    raise KeyError\n", encoding="utf-8")
    try:
        if not noticed(place, module):
            raise RuntimeError("the tests do not see the copy that is broken for them")
    finally:
        (place / module).write_text(whole, encoding="utf-8")


def report(verdicts: Sequence[Verdict]) -> tuple[float, list[Site]]:
    """Prints it. Returns (share that was noticed, survivors without a reason)."""
    known = reasons()
    survivors = [verdict.site for verdict in verdicts if not verdict.killed_by]
    killed = len(verdicts) - len(survivors)
    share = killed / len(verdicts) if verdicts else 0.0
    print(f"\n{killed} of {len(verdicts)} places noticed: {100.0 * share:.1f} % (wanted {100.0 * WANTED:g} %)")
    kinds = Counter(verdict.site.kind for verdict in verdicts)
    lost = Counter(site.kind for site in survivors)
    print(", ".join(f"{kind} {kinds[kind] - lost[kind]} of {kinds[kind]}" for kind in sorted(kinds)))
    for site in survivors:
        print(f"  line {site.line}: {site.name}\n      {known.get(site.name, 'NO REASON GIVEN')}")
    return share, [site for site in survivors if site.name not in known]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", action="append", default=[], help="a file of the core; may be given again")
    parser.add_argument("--place", action="append", default=[], help="part of a place's name; may be given again")
    asked = parser.parse_args(words)
    named = [site for site in every_site(asked.only) if any(part in site.name for part in asked.place)]
    share, unknown = report(run(named if asked.place else chosen(asked.places, asked.seed, asked.only)))
    return 0 if share >= WANTED and not unknown else 1


if __name__ == "__main__":
    sys.exit(main())
