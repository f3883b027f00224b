"""The order of the phases, from a register that some meters have."""

import pytest

from bus.clock import Now
from hardware.interfaces import RegisterAnswer
from schemas.metering import Quality, Reading
from schemas.station import Station
from services.metering.acquisition import Acquisition
from services.metering.addresses import mounted_meters
from services.metering.registers import Kind, MeterModel, Quantity, Register

pytestmark = pytest.mark.unit

TELLING = MeterModel(
    name="telling",
    title="A meter that knows the order of its phases",
    registers=(
        Register(quantity=Quantity.ENERGY_IMPORT, address=0x0000, kind=Kind.UINT32),
        Register(quantity=Quantity.PHASE_SEQUENCE, address=0x0032, kind=Kind.INT16),
    ),
    serial=None,
    energy_step_wh=1.0,
)


def read(word: int | None) -> tuple[Quality, Reading | None]:
    """One answer of a meter; None = its model has no such register."""
    registers = TELLING.registers if word is not None else TELLING.registers[:1]
    model = MeterModel(name="m", title="m", registers=registers, serial=None, energy_step_wh=1.0)
    meter = Acquisition("connector.1", mounted_meters(Station())["connector.1"]._replace(model=model))
    meter.begin_second(Now(100.0, 1_800_000_100.0))
    words = ((0, 1234), (word,)) if word is not None else ((0, 1234),)
    said = meter.take(RegisterAnswer(100.0, 100.05, words, ""), Now(100.05, 1_800_000_100.05))
    assert said is not None
    return said.quality, said.reading


@pytest.mark.parametrize(("word", "order"), [(0, 1), (1, 1), (0xFFFF, -1), (None, None)])
def test_below_zero_is_the_wrong_order_and_no_register_tells_nothing(word: int | None, order: int | None) -> None:
    quality, reading = read(word)
    assert quality is Quality.GOOD
    assert reading is not None
    assert reading.phase_order == order


def test_an_order_that_is_none_makes_the_sample_implausible() -> None:
    assert read(7) == (Quality.IMPLAUSIBLE, None)
