"""Log lines: time, level, component, trace id, text. One format for every process; secrets never reach it."""

import logging
import sys

from bus.clock import Clock
from services.clock import iso_utc

LEVELS = {
    "TRACE": 5,
    "VDBG": 8,
    "DBG": 10,
    "INFO": 20,
    "USER_INFO": 25,
    "WARN": 30,
    "USER_WARN": 35,
    "ERR": 40,
    "USER_ERR": 45,
}
"""The guide's level names (keys `loglevel`, `loglevelcomponents`); USER_ levels are meant for people on site."""


class _Formatter(logging.Formatter):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        trace = getattr(record, "trace_id", "") or "-"
        text = record.getMessage().replace("\n", " | ")
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        level = logging.getLevelName(record.levelno)
        return f"{iso_utc(self._clock.now().wall_s)} {level:<9} {record.name} {trace} {text}"


def set_up(clock: Clock) -> None:
    """Sends every logger of this process to its standard output, which supervisord keeps and rotates."""
    for name, number in LEVELS.items():
        logging.addLevelName(number, name)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter(clock))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS["INFO"])


def apply_levels(owner: str, level: str, components: str) -> None:
    """`level` for everything, then `components` ("BACKEND=TRACE,SAFETY=DBG") over it; unknown names change nothing.

    A component is a logger's name or the last part of it, in any case: SAFETY, safety.pilot, PILOT.
    """
    logging.getLogger().setLevel(LEVELS.get(level.strip().upper(), LEVELS["INFO"]))
    wanted: dict[str, int] = {}
    for item in components.split(","):
        name, _, word = item.partition("=")
        number = LEVELS.get(word.strip().upper())
        if name.strip() and number is not None:
            wanted[name.strip().lower()] = number
    known = [name for name in logging.root.manager.loggerDict if name == owner or name.startswith(owner + ".")]
    for logger_name in {owner, *known}:
        number = wanted.get(logger_name, wanted.get(logger_name.rpartition(".")[2], logging.NOTSET))
        logging.getLogger(logger_name).setLevel(number)
