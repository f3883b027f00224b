"""Collects the tests of the safety core once and tries every broken place in a fork of that process.

A broken function is put in place of the whole one (its code object is exchanged), so nothing is imported or collected
anew. Only tests that enter the function run, the quickest first. What is broken outside of functions, and whatever
nobody noticed that way, is tried once more in a fresh interpreter that imports the broken module.
"""

import ast
import gc
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation_sites import Site, broken, readers

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "services/safety"
AT_ONCE = max(1, os.cpu_count() or 1)
MOST_S = 30.0
"""Of processor time, for one test; the slowest of them takes 8 s."""
MOST_IN_ALL_S = 300.0
QUICK_S = 0.5
"""Of processor time. Slower tests judge no broken core: with a tracer beside them they would take minutes."""
LONGEST_S = 60.0
"""Of processor time, for all the tests that one place is given."""
MOST_BYTES = 2**32


LIVING: dict[tuple[str, str], FunctionType] = {}
"""By (file, qualified name): the functions of the package; filled once all tests are collected."""


class Verdict(NamedTuple):
    site: Site
    killed_by: str
    """The test, "endless"; empty = no test noticed."""
    seconds: float


class Entered(NamedTuple):
    """What one test enters of the package when nothing is broken."""

    seconds: float
    functions: frozenset[tuple[str, str]]
    """(file, qualified name)."""
    lines: frozenset[tuple[str, int]]
    """(file, line)."""
    failed: bool


class Trouble(NamedTuple):
    """What a fork could not do."""

    words: str


class TooLong(BaseException):
    """The test has used its time. No Exception: the core catches those."""


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong(f"more than {MOST_S:g} s of processor time")


def limit_this_process() -> None:
    """A broken core must not run for ever, nor fill the memory."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_IN_ALL_S), int(MOST_IN_ALL_S) + 10))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def passes(item: pytest.Item) -> bool:
    """Runs one test, with its fixtures."""
    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, MOST_S, 1.0)
    try:
        return not any(report.failed for report in runtestprotocol(item, log=False))
    except TooLong:
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


class Bench:
    """A plugin for `pytest.main`: collects, then hands the tests to `walk` instead of running them."""

    def __init__(self, walk: Callable[[Sequence[pytest.Item], frozenset[tuple[str, str]]], None]) -> None:
        self._walk = walk
        self._imports = Tracer()
        self._imports.__enter__()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._imports.__exit__()
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        LIVING.update(_living())
        gc.freeze()
        self._walk(session.items, self._imports.functions)
        return True


def collected(files: Sequence[str], walk: Callable[[Sequence[pytest.Item], frozenset[tuple[str, str]]], None]) -> None:
    """`walk` is given the tests, and the functions (file, qualified name) that ran before any test: their results may
    be kept in tables. Raises RuntimeError when the tests cannot be collected."""
    os.environ["HYPOTHESIS_PROFILE"] = "the same each time"
    words = [*files, "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not long", "--rootdir"]
    code = pytest.main([*words, str(ROOT)], plugins=[Bench(walk)])
    if code not in (0, 5):
        raise RuntimeError(f"pytest ends with {code}")


def in_forks(works: Iterator[tuple[Any, Callable[[], Any]]], limited: bool = True) -> Iterator[tuple[Any, Any]]:
    """Carries every work out in a fork of its own: (its name, what it returned; None = it died)."""
    running: dict[int, tuple[Any, int, bytearray]] = {}
    waiting = iter(works)
    more = True
    while more or running:
        while more and len(running) < AT_ONCE:
            name, work = next(waiting, (None, None))
            if work is None:
                more = False
                break
            reading, pid = _forked(work, limited)
            running[reading] = (name, pid, bytearray())
        for reading in select.select(list(running), [], [])[0] if running else ():
            name, pid, heard = running[reading]
            if chunk := os.read(reading, 65536):
                heard.extend(chunk)
                continue
            os.close(reading)
            os.waitpid(pid, 0)
            del running[reading]
            result = pickle.loads(bytes(heard)) if heard else None
            if isinstance(result, Trouble):
                raise RuntimeError(f"in a fork, at {name}:\n{result.words}")
            yield name, result


def _forked(work: Callable[[], Any], limited: bool) -> tuple[int, int]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    if pid := os.fork():
        os.close(writing)
        return reading, pid
    with suppress(BaseException):
        os.close(reading)
        if limited:
            limit_this_process()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            said = pickle.dumps(work())
        except Exception:  # noqa: BLE001
            said = pickle.dumps(Trouble(traceback.format_exc()))
        while said:
            said = said[os.write(writing, said) :]
    os._exit(0)


def entered(items: Sequence[pytest.Item], modules: Collection[str]) -> dict[str, Entered]:
    """By id of a test: what it enters. Raises RuntimeError when one fails with nothing broken."""
    parts = [items[place :: AT_ONCE * 4] for place in range(AT_ONCE * 4)]
    found: dict[str, Entered] = {}
    works = ((place, lambda part=part: _traced(part, modules)) for place, part in enumerate(parts))  # type: ignore[misc]
    for place, said in in_forks(works, limited=False):
        if said is None:
            raise RuntimeError(f"the tests end before their time with nothing broken, among {parts[place][:3]} ...")
        found.update(said)
    if failed := [name for name, each in found.items() if each.failed]:
        raise RuntimeError(f"tests fail with nothing broken: {failed}")
    return found


def _traced(items: Sequence[pytest.Item], modules: Collection[str]) -> dict[str, Entered]:
    found = {}
    for item in items:
        started = time.process_time()
        whole = passes(item)
        seconds = time.process_time() - started
        tracer = Tracer(modules)
        if whole and seconds <= QUICK_S:
            # the second time in one process: what it says counts for nothing
            with tracer:
                passes(item)
        found[item.nodeid] = Entered(seconds, tracer.functions, frozenset(tracer.lines), not whole)
    return found


class Tracer:
    """Writes down what of the package is entered."""

    def __init__(self, modules: Collection[str] = ()) -> None:
        """Notes every line of `modules` (relative to the root), of the rest of the package only the functions."""
        self._inside = f"{ROOT}/{PACKAGE}/"
        self._by_line = {str(ROOT / module) for module in modules}
        self._codes: set[CodeType] = set()
        self.lines: set[tuple[str, int]] = set()

    @property
    def functions(self) -> frozenset[tuple[str, str]]:
        return frozenset((code.co_filename, code.co_qualname) for code in self._codes)

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self._inside):
            return None
        self._codes.add(code)
        return self._line if code.co_filename in self._by_line else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


def exchanged(site: Site) -> list[tuple[FunctionType, CodeType]]:
    """What has to be put in place of what for this site; empty = it lies outside of functions."""
    path = ROOT / site.module
    source = path.read_text(encoding="utf-8")
    whole, other = (
        _functions(compile(text, str(path), "exec", dont_inherit=True))
        for text in (_unparsed(source), broken(site.module, source, site.name))
    )
    changed = {name: code for name, code in other.items() if _differs(code, whole[name])}
    return [(LIVING[str(path), name], code) for name, code in changed.items()]


def _living() -> dict[tuple[str, str], FunctionType]:
    functions = (each for each in gc.get_objects() if isinstance(each, FunctionType))
    return {
        (each.__code__.co_filename, each.__qualname__): each
        for each in functions
        if each.__code__.co_filename.startswith(f"{ROOT}/{PACKAGE}/")
    }


def _unparsed(source: str) -> str:
    return ast.unparse(ast.parse(source)) + "\n"


def _functions(module: CodeType) -> dict[str, CodeType]:
    """By qualified name: every function of a module, methods too, none inside of functions."""
    found: dict[str, CodeType] = {}
    waiting = [module]
    while waiting:
        for each in waiting.pop().co_consts:
            if isinstance(each, CodeType) and not each.co_name.startswith("<"):
                # a class body is code that is run once and never called
                if each.co_flags & 0x0002:
                    found[each.co_qualname] = each
                else:
                    waiting.append(each)
    return found


def _differs(one: CodeType, other: CodeType) -> bool:
    if one.co_code != other.co_code or one.co_names != other.co_names or len(one.co_consts) != len(other.co_consts):
        return True
    for here, there in zip(one.co_consts, other.co_consts, strict=True):
        if isinstance(here, CodeType) and isinstance(there, CodeType):
            if _differs(here, there):
                return True
        elif type(here) is not type(there) or repr(here) != repr(there):
            return True
    return False


def tried(site: Site, items: Sequence[pytest.Item]) -> str:
    """In a fork: breaks the living function and runs these tests. The first that fails, or empty."""
    for function, code in exchanged(site):
        function.__code__ = code
    for item in items:
        if not passes(item):
            return item.nodeid
    return ""


def tried_afresh(site: Site, items: Sequence[str]) -> str:
    """The same in a new interpreter that imports the broken module."""
    with TemporaryDirectory(prefix="mutation-") as directory:
        ids = Path(directory) / "ids"
        ids.write_text("\n".join(items), encoding="utf-8")
        files = list(dict.fromkeys(name.partition("::")[0] for name in items))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += ["-p", "tests.mutation_broken", "-m", "not long", "--no-header", "--tb=no", *files]
        named = {"MUTATION_SITE": site.name, "MUTATION_MODULE": site.module, "MUTATION_IDS": str(ids)}
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **named},
            capture_output=True,
            text=True,
            errors="replace",
        )
    if ran.returncode == 0:
        return ""
    if said := [line for line in ran.stdout.splitlines() if line.startswith("noticed by ")]:
        return said[0].removeprefix("noticed by ")
    if ran.returncode < 0:
        return "endless"
    raise RuntimeError(f"pytest ends with {ran.returncode}:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")


def tests_for(site: Site, known: Mapping[str, Entered], noticed: Collection[str]) -> list[str]:
    """Ids of the tests that reach this place, as many as the time allows: those that noticed something go first."""
    line = (str(ROOT / site.module), site.line)
    names = [name for name, each in known.items() if line in each.lines] if site.in_function else []
    if not names:
        wanted = _functions_that_read(site)
        names = [
            name
            for name, each in known.items()
            if not wanted or any((file, function.split(".")[-1]) in wanted for file, function in each.functions)
        ]
    names.sort(key=lambda name: (name not in noticed, known[name].seconds))
    spent = list(accumulate(known[name].seconds for name in names))
    return names[: bisect_right(spent, LONGEST_S)]


def _functions_that_read(site: Site) -> set[tuple[str, str]]:
    """(file, name): the function of the site; for what is assigned outside of functions those that use its name."""
    if site.in_function:
        return {(str(ROOT / site.module), site.of)}
    sources = (ROOT / PACKAGE).rglob("*.py")
    found = {(str(path), each) for path in sources for each in readers(path.read_text(encoding="utf-8"), site.of)}
    return found if site.of else set()
