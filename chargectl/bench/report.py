"""What a bench says: figures with their limits, the machine they were measured on, as JSON or as a table. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OK, MISSED = 0, 1


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number. `value` None = the machine forbids the measurement, and `reason` says why."""

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    """Highest value that keeps the promise; None = reported only."""
    baseline: float | None = None
    """The physical limit or the peer, in `reason`'s or the name's unit, measured in the same run."""
    subject: float | None = None
    reason: str = ""
    """Why there is no value; otherwise what the number is made of."""
    runs: tuple[float, ...] = ()
    """The value of each repeat: how far it can be trusted."""

    @property
    def passed(self) -> bool | None:
        """None when there is no limit or no value; a value that is not a number misses every limit."""
        if self.limit is None or self.value is None:
            return None
        return self.value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Report:
    name: str
    figures: tuple[Figure, ...]
    machine: dict[str, Any] = field(default_factory=dict)
    repeats: int = 3

    @property
    def exit_code(self) -> int:
        return MISSED if any(figure.passed is False for figure in self.figures) else OK

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "figures": [_figure(figure) for figure in self.figures],
            "machine": self.machine,
            "repeats": self.repeats,
        }


def not_measured(name: str, unit: str, limit: float | None, reason: str) -> Figure:
    return Figure(name=name, value=None, unit=unit, limit=limit, reason=reason)


def _figure(figure: Figure) -> dict[str, Any]:
    told = {**asdict(figure), "passed": figure.passed, "runs": [_number(value) for value in figure.runs]}
    return {**told, **{name: _number(told[name]) for name in ("value", "limit", "baseline", "subject")}}


def _number(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return round(value, 4) if value is not None and math.isfinite(value) else None


HEADINGS = ("figure", "value", "limit", "", "baseline", "subject", "repeats")


def table(report: Report) -> str:
    """For people: one line per figure, then the machine."""
    rows: list[Sequence[str]] = [HEADINGS]
    rows += [_row(figure) for figure in report.figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"  {figure.name}: {figure.reason}" for figure in report.figures if figure.reason]
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    return "\n".join([f"bench {report.name}, {report.repeats} repeats", *lines, machine])


def _row(figure: Figure) -> Sequence[str]:
    verdict = {True: "kept", False: "MISSED", None: ""}[figure.passed]
    value = "not measured" if figure.value is None else f"{_short(figure.value)} {figure.unit}".rstrip()
    limit = "" if figure.limit is None else f"<= {_short(figure.limit)}"
    repeats = " ".join(_short(run) for run in figure.runs)
    return (figure.name, value, limit, verdict, _short(figure.baseline), _short(figure.subject), repeats)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
