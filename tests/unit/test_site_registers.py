"""The register map of the simulated meter."""

import math
import struct

import pytest

from hardware.sim.site import ConnectorDescription, Site, SiteDescription
from hardware.sim.site.grid import Flow
from hardware.sim.site.registers import ModbusRefusal, meter_words, words

pytestmark = pytest.mark.unit


@pytest.fixture
def site() -> Site:
    made = Site(SiteDescription({1: ConnectorDescription()}))
    made.meters["connector.1"].flow = Flow((229.0, 230.0, 231.0), (10.0, 11.0, 12.0), 0.8)
    return made


def value(site: Site, address: int) -> float:
    high_low = words(site, "connector.1", 4, address, 2)
    number: float = struct.unpack(">f", struct.pack(">2H", *high_low))[0]
    return number


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (0x00, 229.0), (0x02, 230.0), (0x04, 231.0), (0x06, 10.0), (0x0A, 12.0), (0x0C, 229 * 10 * 0.8),
        (0x12, 2290.0), (0x18, 2290 * 0.6), (0x1E, 0.8), (0x34, (2290 + 2530 + 2772) * 0.8), (0x38, 7592.0),
        (0x3C, 7592 * 0.6), (0x3E, 0.8), (0x46, 50.0), (0x4A, 0.0), (0x20, 0.8), (0x160, 0.0),
    ],
)  # fmt: skip
def test_a_register_shows_its_quantity(site: Site, address: int, expected: float) -> None:
    assert value(site, address) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("energy_wh", [0, 1, 999, 1000, 123_457, 9_999_999, 15_999_999])
def test_the_energy_register_tells_single_watt_hours_up_to_sixteen_megawatt_hours(site: Site, energy_wh: int) -> None:
    site.meter("connector.1", energy_wh=energy_wh + 0.7)
    assert round(value(site, 0x48) * 1000) == energy_wh


def test_the_serial_number_is_two_words_high_word_first(site: Site) -> None:
    site.meter("connector.1", serial=0x12345678)
    assert words(site, "connector.1", 3, 0xFC00, 2) == (0x1234, 0x5678)


def test_eighty_words_are_read_at_once_and_not_one_more(site: Site) -> None:
    assert len(words(site, "connector.1", 4, 0, 80)) == 80
    with pytest.raises(ModbusRefusal) as refusal:
        words(site, "connector.1", 4, 0, 82)
    assert refusal.value.code == 3


@pytest.mark.parametrize(
    ("function", "address", "count", "code"),
    [(4, 1, 2, 2), (4, 0, 1, 3), (4, 0, 0, 3), (4, 0x0182, 2, 2), (4, -2, 2, 2), (3, 0, 2, 2), (3, 0xFC00, 4, 2),
     (1, 0, 2, 1), (6, 0, 2, 1)],
)  # fmt: skip
def test_other_reads_are_refused_as_the_meter_does(
    site: Site, function: int, address: int, count: int, code: int
) -> None:
    with pytest.raises(ModbusRefusal) as refusal:
        words(site, "connector.1", function, address, count)
    assert refusal.value.code == code


def test_a_meter_gone_mad_shows_not_a_number_everywhere_but_in_its_serial(site: Site) -> None:
    site.meter("connector.1", nan=True)
    assert math.isnan(value(site, 0x00))
    assert math.isnan(value(site, 0x48))
    assert meter_words(site.meters["connector.1"], 3, 0xFC00, 2) != (0, 0)
