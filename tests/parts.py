"""Long walks in parts: a sample of the parts runs in every `./test`, all of them with `--all`."""

from collections.abc import Iterable
from typing import Any

import pytest


def sample(values: Iterable[Any], every: int) -> list[Any]:
    """Every `every`-th value as it is, beginning with the first; the others marked long."""
    return [
        value if place % every == 0 else pytest.param(value, marks=pytest.mark.long)
        for place, value in enumerate(values)
    ]
