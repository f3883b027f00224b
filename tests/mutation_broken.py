"""A pytest plugin for `tests/mutation.py`: one module of the core is imported broken, and chosen tests run in order.

MUTATION_SITE names the place, MUTATION_MODULE its file, MUTATION_IDS a file with the tests.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation_bench import limit_this_process, passes
from tests.mutation_sites import broken

ROOT = Path(__file__).resolve().parent.parent
SITE, MODULE = os.environ["MUTATION_SITE"], os.environ["MUTATION_MODULE"]


class BrokenLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.path).read_text(encoding="utf-8")
        return compile(broken(MODULE, source, SITE), self.path, "exec", dont_inherit=True)


class BrokenFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != MODULE.removesuffix(".py").replace("/", "."):
            return None
        file = str(ROOT / MODULE)
        return spec_from_file_location(fullname, file, loader=BrokenLoader(fullname, file))


sys.meta_path.insert(0, BrokenFinder())


def pytest_configure() -> None:
    try:
        importlib.import_module(MODULE.removesuffix(".py").replace("/", "."))
    except Exception as error:  # noqa: BLE001
        print(f"\nnoticed by the import: {error!r}", flush=True)
        os._exit(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(Path(os.environ["MUTATION_IDS"]).read_text().split("\n"))}
    items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    limit_this_process()
    for item in session.items:
        if not passes(item):
            print(f"\nnoticed by {item.nodeid}", flush=True)
            session.testsfailed = 1
            break
    return True
