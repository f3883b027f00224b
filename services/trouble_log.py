"""Trouble in words, in the log: whenever the words change, but never so often that they fill it."""

import logging
from collections import deque

STARTS_S = 1.0
"""What is only not there yet is no trouble."""
MOST_LINES, WITHIN_S = 6, 60.0


class TroubleLog:
    """`subject`: what has the trouble."""

    def __init__(self, logger: logging.Logger, subject: str) -> None:
        self._logger, self._subject = logger, subject
        self._told = ""
        self._first_s: float | None = None
        self._lines_s: deque[float] = deque(maxlen=MOST_LINES)

    def tell(self, words: str, now_s: float) -> None:
        """`words`: empty = there is no trouble. `now_s`: boot clock. Call it at every turn."""
        self._first_s = now_s if self._first_s is None else self._first_s
        if words == self._told or now_s < self._first_s + STARTS_S:
            return
        if len(self._lines_s) == MOST_LINES and now_s < self._lines_s[0] + WITHIN_S:
            return
        self._lines_s.append(now_s)
        self._told = words
        if words:
            self._logger.warning("%s: %s", self._subject, words)
        else:
            self._logger.info("%s: no trouble any more", self._subject)
