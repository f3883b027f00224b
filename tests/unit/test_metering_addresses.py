"""Where the meters are, from the station file."""

import pytest

from schemas.station import ConnectorSection, Station
from services.metering.addresses import Address, BadAddress, mounted_meters, parse_address

pytestmark = pytest.mark.unit


def a_station(**connectors: ConnectorSection) -> Station:
    return Station(connector={name.removeprefix("c"): section for name, section in connectors.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp:192.168.1.20:502/1", Address("192.168.1.20", 502, 1)),
        (" tcp:meter.example:1502/247 ", Address("meter.example", 1502, 247)),
        ("tcp:[::1]:502/7", Address("::1", 502, 7)),
    ],
)
def test_an_address_names_host_port_and_unit(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "192.168.1.20", "tcp:host/1", "tcp:host:0/1", "tcp:host:65536/1", "tcp:host:502/0", "tcp:host:502/248",
     "tcp:::1:502/1", "udp:host:502/1", "tcp:host:502/1 extra", "tcp:ho st:502/1", "tcp:" + "9" * 100_000],
)  # fmt: skip
def test_another_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadAddress, match="tcp:HOST:PORT/UNIT"):
        parse_address(text)


def test_every_connector_with_a_meter_has_one_and_none_is_none() -> None:
    station = a_station(
        c1=ConnectorSection(),
        c2=ConnectorSection(meter="none"),
        c3=ConnectorSection(phases=1, max_current_a=16, meter_address="tcp:10.0.0.3:502/3"),
    )
    meters = mounted_meters(station)
    assert list(meters) == ["connector.1", "connector.3"]
    assert meters["connector.1"].address is None
    assert meters["connector.1"].rated_w == 3 * 32 * 230.0
    assert meters["connector.3"].address == Address("10.0.0.3", 502, 3)
    assert meters["connector.3"].rated_w == 16 * 230.0
    assert meters["connector.3"].connector == 3


@pytest.mark.parametrize(
    ("section", "hint"),
    [
        (ConnectorSection(meter="eastron_sdm630"), "did you mean 'eastron_sdm630_v2'"),
        (ConnectorSection(meter="hourglass"), "known: eastron_sdm630_v2, carlo_gavazzi_em580, none"),
        (ConnectorSection(meter_address="10.0.0.1"), "tcp:HOST:PORT/UNIT"),
    ],
)
def test_a_wrong_meter_is_refused_with_its_section_and_a_remedy(section: ConnectorSection, hint: str) -> None:
    with pytest.raises(ValueError, match=r"\[connector.1\]") as caught:
        mounted_meters(a_station(c1=section))
    assert hint in str(caught.value)
