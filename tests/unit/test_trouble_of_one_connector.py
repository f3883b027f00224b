"""What is wrong with one connector's part of a board stops that connector only (facts: invariant 37)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardware.interfaces import SafetyBoard
from hardware.linux.gpio import Gpio, LineUse
from hardware.mcu.following import Following
from hardware.mcu.messages import ConnectorReading, DriveConnector
from services.safety.mounted import shared_of

pytestmark = pytest.mark.unit


def never_opened(_path: str) -> Any:
    raise OSError("no chip here")


@pytest.fixture
def gpio() -> Gpio:
    """Two chips: the feed and connector 1 on the first, connector 2 on the second."""
    uses = {
        "feed": LineUse("FEED", True),
        "connector 1 contactor": LineUse("COIL_1", True),
        "connector 2 contactor": LineUse("/dev/gpiochip1:COIL_2", True),
    }
    return Gpio(uses, "/dev/gpiochip0", 0.0, lambda: 1.0, never_opened)


def test_a_chip_that_carries_lines_of_one_connector_is_that_ones_trouble(gpio: Gpio) -> None:
    gpio.chip_of("connector 2 contactor").trouble = "gone"
    assert (list(gpio.troubles_of("connector 1")), list(gpio.troubles_of("connector 2"))) == ([], ["gone"])
    assert list(gpio.troubles) == ["gone"]


def test_a_chip_that_carries_a_line_of_the_station_is_everybodys_trouble(gpio: Gpio) -> None:
    gpio.chip_of("feed").trouble = "gone"
    assert (list(gpio.troubles_of("connector 1")), list(gpio.troubles_of("connector 2"))) == (["gone"], ["gone"])


def test_every_connector_is_told_its_own_trouble() -> None:
    board = SimpleNamespace(inputs={}, temperatures={}, tachometers={}, trouble_of=lambda number: f"of {number}")
    assert [shared_of(cast(SafetyBoard, board), {}, number).trouble for number in (1, 2)] == ["of 1", "of 2"]


def test_a_microcontroller_that_does_not_follow_for_one_connector_troubles_that_one() -> None:
    following = Following(2)
    stands = ConnectorReading(*[0] * len(ConnectorReading._fields))
    following.compare(DriveConnector(coil=1), 1.0, stands._replace(number=2))
    assert list(following.troubles(1)) == []
    assert list(following.troubles(2)) == list(following.troubles())
    assert list(following.troubles()) == ["connector 2: the microcontroller does not do what is driven"]
