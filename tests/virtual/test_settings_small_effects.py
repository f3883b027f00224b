"""Effects of keys that no other test shows: identity and log levels."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import log
from tests.virtual.link_cell import LinkCell

pytestmark = pytest.mark.virtual


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("ChargePointVendor", "chargePointVendor"),
        ("ChargePointModel", "chargePointModel"),
        ("ChargePointSerialNumber", "chargePointSerialNumber"),
        ("ChargeBoxSerialNumber", "chargeBoxSerialNumber"),
        ("FirmwareVersion", "firmwareVersion"),
    ],
)
def test_what_the_station_is_called_is_told_in_the_boot_notification(tmp_path: Path, key: str, field: str) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.say_secrets()
    cell.say_settings(**{key: "Mine-7"})
    cell.online()
    (told,) = cell.backend.payloads("BootNotification")
    assert told[field] == "Mine-7"


def test_the_identity_is_the_end_of_the_address(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, ChargeBoxIdentity="BOX 9").online()
    assert cell.status.url.endswith("/BOX%209")


@pytest.fixture
def quiet_loggers() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("", "settings", "settings.desk")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("quiet_loggers")
def test_the_log_level_holds_for_all_and_a_components_own_over_it() -> None:
    part = logging.getLogger("settings.desk")
    log.apply_levels("settings", "WARN", "")
    assert not part.isEnabledFor(log.LEVELS["INFO"])
    assert part.isEnabledFor(log.LEVELS["WARN"])
    log.apply_levels("settings", "WARN", "DESK=TRACE")
    assert part.isEnabledFor(log.LEVELS["TRACE"])
    assert not logging.getLogger("settings").isEnabledFor(log.LEVELS["INFO"])
