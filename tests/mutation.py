"""Breaks the pure safety core in many places, one at a time, and runs the tests that ought to notice.

    python -m tests.mutation [--places 120] [--seed 61851] [--only services/safety/pilot.py]
    python -m tests.mutation --place "unread: return"        every place whose name has this in it, once more

Every broken core lives in a process of its own (`tests/mutation_bench.py`). What no test notices is listed, with the
reason from `tests/mutation_survivors.toml`, if it has one there.
"""

import argparse
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from services.safety import core
from tests.mutation_bench import (
    MOST_IN_ALL_S,
    PACKAGE,
    ROOT,
    Verdict,
    collected,
    entered,
    in_forks,
    passes,
    tests_for,
    tried,
    tried_afresh,
)
from tests.mutation_sites import Site, sites

REASONS = ROOT / "tests" / "mutation_survivors.toml"
WANTED = 0.95
PLACES, SEED = 120, 61851

ANYTHING = ("properties",)
EDGES = "edges"
"""Quick, and of the whole core: it goes first."""
RESIDUAL = ("residual_sweep", "residual_current", "protective_devices", "residual_properties")
OF_TIMINGS = ("edges_contacts", "edges_core", "edges_readings", "edges_causes", "feed", "duty", "pilot", "lock")
TESTS: dict[str, tuple[str, ...]] = {
    "core": ("edges_core", "pilot", "faults", "restart", "contacts", "configurations", "lock", *ANYTHING),
    "readings": ("edges_readings", "pilot", "contacts", "faults", "lock", "restart", "board_away", *ANYTHING),
    "pilot": ("edges_offer", "pilot", "faults", "configurations", "phases", "restart", "supply", "thermal", *ANYTHING),
    "contactor": ("edges_contactor", "contacts", "pilot", "faults", "configurations", "restart", "wear", *ANYTHING),
    "contact_causes": ("edges_contacts", "contacts", "faults", "restart", "board_away", "configurations", *ANYTHING),
    "lock": ("edges_lock", "lock", "configurations", "faults", "restart", *ANYTHING),
    "proofs": ("edges_core", "lock", "contacts", "configurations", "faults", *ANYTHING),
    "faults": ("edges_core", "faults", "fault_catalogue", "restart", "contacts", "lock", "pilot", "supply", *ANYTHING),
    "causes": ("edges_causes", "edges_core", "error_list", "faults", "lock", "pilot", "configurations", *ANYTHING),
    "rule": ("edges_core", "faults", "pilot", *ANYTHING),
    "permission": ("edges_core", "pilot", "faults", "restart", "lock", "phases"),
    "duty": ("duty", "pilot", "lock"),
    "equipment": ("edges_core", "configurations", "contacts", "lock", "faults"),
    "wake_up": ("edges_offer", "configurations", "pilot", "restart", "faults"),
    "timings": ("edges_contactor", "edges_lock", "edges_offer", *OF_TIMINGS),
    "residual": ("edges_residual", "edges_self_test", "edges_protection", "edges_recloser", *RESIDUAL),
    "thermal": ("edges_thermal", "edges_rooms", "thermal", "warmth_and_mains_properties"),
    "supply": ("edges_supply", "edges_rooms", "supply", "warmth_and_mains_properties", "pilot"),
    "phases": ("edges_offer", "phases", "configurations"),
    "wear": ("edges_panel", "edges_rooms", "wear"),
    "wiring": ("edges_panel", "edges_rooms", "panel", "board_away"),
    "panel/outputs": ("edges_outputs", "edges_panel", "panel"),
    "panel/output_test": ("edges_outputs", "fan_trial"),
    "panel/panel": ("edges_outputs", "fan_trial"),
    "panel/calibration": ("edges_panel",),
    "panel/outlet": ("outlet", "outlet_readings"),
    "panel/exercise": ("edges_trial",),
    "panel/parts": ("edges_trial",),
    "feed": ("feed",),
    "orders": ("edges_panel", "wear"),
}
"""By module or room: its tests, those that notice first in front (`test_safety_<word>.py`)."""
STEP = (str(ROOT / PACKAGE / "core.py"), "step")
ROOMS = ("residual", "thermal", "supply", "phases", "wear", "wiring")
NO_RULES = ("__init__", "state", "words")


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


def run(picked: Sequence[Site]) -> list[Verdict]:
    """Raises RuntimeError when the unbroken core fails a test, or a core that does nothing passes."""
    verdicts: list[Verdict] = []

    noticed: set[str] = set()

    def walk(items: Sequence[pytest.Item], at_import: frozenset[tuple[str, str]]) -> None:
        known = entered(items, {site.module for site in picked})
        _prove_the_bench([item for item in items if STEP in known[item.nodeid].functions])
        kept = {(file, name.split(".")[-1]) for file, name in at_import}
        by_name = {item.nodeid: item for item in items}

        def works() -> Iterator[tuple[Site, Callable[[], Verdict]]]:
            for site in picked:
                afresh = not site.in_function or (str(ROOT / site.module), site.of) in kept
                yield site, partial(judged, site, tests_for(site, known, noticed), by_name, afresh)

        for site, said in in_forks(works()):
            verdict = said or Verdict(site, "endless", MOST_IN_ALL_S)
            verdicts.append(verdict)
            noticed.add(verdict.killed_by)
            killed_by = verdict.killed_by or "NOBODY NOTICES"
            print(f"{len(verdicts):4} {verdict.seconds:6.1f} s  {site.name}  [{killed_by}]", flush=True)

    collected(list(dict.fromkeys(file for site in picked for file in files_of(site.module))), walk)
    return verdicts


def judged(site: Site, names: Sequence[str], items: Mapping[str, pytest.Item], afresh: bool) -> Verdict:
    """In a fork: with the function exchanged, and `afresh`, unless noticed, with the broken module imported anew."""
    began_s = time.monotonic()
    killed_by = tried(site, [items[name] for name in names]) if site.in_function else ""
    if afresh and names and not killed_by:
        killed_by = tried_afresh(site, names)
    return Verdict(site, killed_by, time.monotonic() - began_s)


def _prove_the_bench(items: Sequence[pytest.Item]) -> None:
    def broken_at_every_step(*_: object) -> None:
        raise KeyError("broken on purpose")

    def passed() -> int:
        core.step.__code__ = broken_at_every_step.__code__
        return sum(passes(item) for item in items[:: max(1, len(items) // 10)])

    for _, said in in_forks(iter([("", passed)])):
        if said is None or said > 1:
            raise RuntimeError("the tests do not see a core that is broken for them")


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
