"""Where in the kernel's files each channel of a board was found: a name and a number of the same one are told."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

logger = logging.getLogger(__name__)

Found = Callable[[str], bool]
"""Is told the path of a channel whenever that was looked up. True = no other channel is there."""


def alone(path: str) -> bool:  # noqa: ARG001
    """A channel without others."""
    return True


class Shared(NamedTuple):
    purposes: tuple[str, ...]
    path: str

    @property
    def words(self) -> str:
        return f"{' and '.join(self.purposes)} are the same channel, /{self.path}: give each its own"


class Places:
    """Filled by the sampling threads, read by the safety loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: dict[str, str] = {}
        self.shared: tuple[Shared, ...] = ()

    def of(self, purpose: str) -> Found:
        """`purpose` as people are told it: "connector 1 pilot_high"."""

        def found(path: str) -> bool:
            with self._lock:
                if self._paths.get(purpose) != path:
                    self._paths[purpose] = path
                    self._compare()
            return not any(purpose in each.purposes for each in self.shared)

        return found

    def _compare(self) -> None:
        by_path: dict[str, list[str]] = {}
        for purpose, path in self._paths.items():
            by_path.setdefault(path, []).append(purpose)
        before = self.shared
        self.shared = tuple(Shared(tuple(sorted(each)), path) for path, each in by_path.items() if len(each) > 1)
        for each in self.shared:
            if each not in before:
                logger.error("%s", each.words)

    def troubles_of(self, owner: str) -> list[str]:
        """Of the channels of this owner ("connector 1")."""
        return [each.words for each in self.shared if any(name.startswith(f"{owner} ") for name in each.purposes)]
