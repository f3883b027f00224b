"""Places at which a rule can be broken: comparisons, constants, conditions, returned values. Found in the syntax tree.

A change is described by what it does and where, not by its line: a list of them stays true when a file grows.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_EMPTY = {"bool": False, "float": 0.0, "int": 0, "str": ""}
LARGEST, SMALLEST = 1e5, 1e-3
"""Constants beyond stand for "never" or for the rounding of floats."""


class Site(NamedTuple):
    """One way to break one file."""

    where: str
    """Module and function."""
    kind: str
    """comparison, constant, condition, return."""
    change: str
    """Before and after; a number behind it where the same change is possible more than once in a function."""
    line: int
    of: str
    """The function; outside of functions the name that is assigned, if any."""

    @property
    def name(self) -> str:
        return f"{self.where}: {self.change}"

    @property
    def module(self) -> str:
        return self.where.partition(":")[0]

    @property
    def in_function(self) -> bool:
        return not self.where.endswith(": module")


def sites(path: str, source: str) -> list[Site]:
    """Every site of a file; `path` only names it."""
    return [site for site, _ in _each(path, ast.parse(source))]


def broken(path: str, source: str, name: str) -> str:
    """The whole file with the change of this name. Raises KeyError where it has none such."""
    tree = ast.parse(source)
    for site, change in _each(path, tree):
        if site.name == name:
            change()
            return ast.unparse(tree) + "\n"
    raise KeyError(name)


def _each(path: str, tree: ast.Module) -> Iterator[tuple[Site, Callable[[], None]]]:
    """Every site, and what carries its change out in the tree."""
    times: Counter[str] = Counter()
    for function, node, holder, field, place in _walk(tree):
        before = ""
        for kind, new in _changes(node, function):
            before = before or ast.unparse(node)
            change = f"{before}  ->  {ast.unparse(new)}"
            where = f"{path}: {function.name if function is not None else 'module'}"
            times[f"{where}: {change}"] += 1
            if (again := times[f"{where}: {change}"]) > 1:
                change += f"  ({again})"
            line = getattr(node, "lineno", 0)
            of = function.name if function is not None else _assigned_at(tree, line)
            yield Site(where, kind, change, line, of), partial(_put, holder, field, place, new)


def _assigned_at(tree: ast.AST, line: int) -> str:
    """The innermost name that is given a value at this line, outside of functions."""
    found = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (node.end_lineno or 0):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found = target.id if isinstance(target, ast.Name) else found
    return found


def readers(source: str, name: str) -> set[str]:
    """Functions of this source in which the name occurs, as a variable or an attribute."""
    return {
        function.name
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef)
        and any(getattr(node, "id", getattr(node, "attr", "")) == name for node in ast.walk(function))
    }


_Function = ast.FunctionDef | None


def _walk(tree: ast.Module) -> Iterator[tuple[_Function, ast.AST, ast.AST, str, int]]:
    """(function around it, node, the node that holds it, in which field, at which place of a list or -1)."""
    waiting: list[tuple[_Function, ast.AST]] = [(None, tree)]
    while waiting:
        function, holder = waiting.pop()
        inside = holder if isinstance(holder, ast.FunctionDef) else function
        for field, value in ast.iter_fields(holder):
            if field in ("annotation", "returns", "decorator_list") or isinstance(value, ast.arguments):
                continue
            for place, node in enumerate(value) if isinstance(value, list) else ((-1, value),):
                if not isinstance(node, ast.AST) or _says_nothing(node):
                    continue
                yield inside, node, holder, field, place
                waiting.append((inside, node))


def _says_nothing(node: ast.AST) -> bool:
    """Documentation, imports, log lines and assertions."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr):
        return True
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    call = node.value
    return isinstance(call, ast.Call) and ast.unparse(call.func).startswith(("_logger", "logger"))


def _put(holder: ast.AST, field: str, place: int, node: ast.AST) -> None:
    if place < 0:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[place] = node


def _changes(node: ast.AST, function: _Function) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        yield from _comparisons(node)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.BoolOp):
        for left_out in range(len(node.values)):
            rest = [value for place, value in enumerate(node.values) if place != left_out]
            new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            yield "condition", ast.copy_location(new, node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "condition", node.operand
    elif isinstance(node, ast.Return) and node.value is not None and function is not None:
        yield from _returns(node, function)


def _comparisons(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for place, operator in enumerate(node.ops):
        operators = [*node.ops]
        operators[place] = _FLIPPED[type(operator)]()
        yield "comparison", ast.copy_location(ast.Compare(node.left, operators, node.comparators), node)


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        news: tuple[bool | float, ...] = (not value,)
    elif isinstance(value, int | float) and (value == 0 or SMALLEST < abs(value) < LARGEST):
        # A bound is moved up and down far enough that it is another bound.
        news = (value + 1,) if value == 0 else (value * 2, value / 2 if isinstance(value, float) else value - 1)
    else:
        return
    for new in news:
        yield "constant", ast.copy_location(ast.Constant(new), node)


def _returns(node: ast.Return, function: ast.FunctionDef) -> Iterator[tuple[str, ast.AST]]:
    says = ast.unparse(function.returns) if function.returns is not None else ""
    defaults = [True, False] if says == "bool" else [_default(says)]
    for default in defaults:
        if default is None:
            continue
        new = ast.copy_location(ast.Return(ast.parse(repr(default), mode="eval").body), node)
        if ast.unparse(new) != ast.unparse(node):
            yield "return", new


def _default(says: str) -> object:
    """What a function of this type returns when it does nothing; None = it has no such value."""
    if says in _EMPTY:
        return _EMPTY[says]
    if says.startswith("tuple[") and says.endswith("]"):
        parts = [_EMPTY.get(part.strip()) for part in says[6:-1].split(",")]
        return None if None in parts else tuple(parts)
    return None
