"""What outlives this process but not this start of the station: `run/ocpp_link.json`."""

import contextlib
import logging
import os
from pathlib import Path

import msgspec

from services.ocpp_link.registration import Kept

LARGEST = 4096
_logger = logging.getLogger("ocpp_link")


class MemoryFile:
    """Not billing data: if it cannot be read or written, the station only says BootNotification once more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: Kept | None = None

    def load(self) -> Kept | None:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            text = self._path.read_bytes()
            if len(text) <= LARGEST:
                self._kept = msgspec.json.decode(text, type=Kept)
        return self._kept

    def keep(self, kept: Kept) -> None:
        if kept == self._kept:
            return
        self._kept = kept
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_bytes(msgspec.json.encode(kept))
            os.replace(temporary, self._path)  # noqa: PTH105 (the plain name of the atomic step)
        except OSError as error:
            _logger.warning("cannot write %s: %s", self._path, error)
