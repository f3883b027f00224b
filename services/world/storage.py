"""`world.json`: the facts of the site that survive a kill and a power cut.

Replaced atomically, without waiting for the disk: what is simulated is the end of processes, not of this machine.
"""

import json
import logging
import os
from pathlib import Path
from typing import Any

import msgspec

from hardware.sim.site.memory import VERSION, SiteMemory
from hardware.sim.site.site import Site
from services.home import BadHome

LARGEST_FILE = 4 * 1024 * 1024

logger = logging.getLogger(__name__)


def read_memory(path: Path) -> dict[str, Any] | None:
    """None = there is none. An unreadable file is set aside, loudly. Raises BadHome for a file of a newer version."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"larger than {LARGEST_FILE} bytes")
        plain: Any = json.loads(path.read_bytes())
        if isinstance(plain, dict) and isinstance(plain.get("version"), int) and plain["version"] > VERSION:
            raise BadHome(f"{path} was written by a newer version of this software: update it, or move the file away")
        msgspec.convert(plain, SiteMemory)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError, msgspec.ValidationError) as error:
        aside = path.with_name(f"{path.name}.unreadable")
        path.replace(aside)
        logger.error("%s is unreadable (%s): set aside as %s; the simulated site starts empty", path, error, aside.name)
        return None
    checked: dict[str, Any] = plain
    return checked


class Storage:
    def __init__(self, path: Path, site: Site) -> None:
        self._path = path
        self._temporary = path.with_name(f"{path.name}.new")
        self._site = site
        self._saved_wh: dict[str, int] = {}
        self.failing = ""
        """Why the last save failed; empty = it did not."""
        self.save()

    def save(self) -> None:
        """A disk that is full or read-only is reported once; the site goes on without."""
        try:
            self._temporary.write_text(json.dumps(self._site.dump()))
            os.replace(self._temporary, self._path)  # noqa: PTH105 (the plain name of the atomic step)
        except OSError as error:
            if not self.failing:
                logger.error(
                    "cannot write %s (%s): after a restart the simulated site will be as before", self._path, error
                )
            self.failing = str(error)
            return
        if self.failing:
            logger.info("%s can be written again", self._path)
            self.failing = ""
        self._saved_wh = {name: meter.register_wh for name, meter in self._site.meters.items()}

    def before_showing(self, meter: str) -> None:
        """A register value that somebody has seen must survive: save it before it is shown."""
        if self._site.meters[meter].register_wh != self._saved_wh.get(meter):
            self.save()
