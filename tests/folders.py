"""The parts of a service (files and folders) and what each of them imports, from the sources."""

import ast
import re
from pathlib import Path

SERVICES = Path(__file__).resolve().parent.parent / "services"


class Folders:
    """Of one service: its README lists its parts in an order in which they import downwards only."""

    def __init__(self, service: str) -> None:
        self._service = f"services.{service}"
        self._root = SERVICES / service
        paths = sorted(self._root.rglob("*.py"))
        self.files = [path.relative_to(self._root).as_posix() for path in paths if path.name != "__init__.py"]
        self.parts = {_part(name) for name in self.files}
        line = re.search(r"^Imports downwards: (.*)$", (self._root / "README.md").read_text(), re.MULTILINE)
        assert line is not None, f"the README of {service} lists no order"
        self.order = re.findall(r"`([a-z_]+)`", line.group(1))

    def imported(self, name: str) -> set[str]:
        """Modules, and names in them: `a.b` and `a.b.c` for `from a.b import c`."""
        found: set[str] = set()
        for node in ast.walk(ast.parse((self._root / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def upward_imports(self, name: str) -> list[str]:
        own = self.order.index(_part(name))
        inside = [each for each in self.imported(name) if each.startswith(f"{self._service}.")]
        return [each for each in inside if self._place(each) < own]

    def lines(self, name: str) -> int:
        return len((self._root / name).read_text(encoding="utf-8").splitlines())

    def _place(self, module: str) -> int:
        """Where a module of this service stands in the order: `services.session.store` as `store`."""
        return self.order.index(module.removeprefix(f"{self._service}.").split(".")[0])


def _part(name: str) -> str:
    return name.split("/")[0].removesuffix(".py")
