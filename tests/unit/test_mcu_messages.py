"""The messages of the serial link against their page, against the names of the station file, and against nonsense."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.mcu import messages
from hardware.mcu.frame import LARGEST_PAYLOAD
from hardware.mcu.messages import (
    LAYOUTS,
    BadMessage,
    ConnectorReading,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    StationConnector,
    StationReading,
    field_places,
    packed,
    unpacked,
    unpacked_parts,
)
from schemas.station import CONNECTOR_INPUTS, INPUTS, OUTPUTS, TEMPERATURES

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[2] / "docs" / "mcu-protocol.md").read_text(encoding="utf-8")


def table_of(name: str) -> list[tuple[str, int, int]]:
    """(field, offset, bytes) as the page lists them below the heading that ends with the record's name."""
    section = PAGE.split(f"`{name}`\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| `(\w+)` \|", section, re.MULTILINE)
    return [(field, int(offset), int(size)) for offset, size, field in rows]


@pytest.mark.parametrize("kind", list(LAYOUTS), ids=lambda kind: kind.__name__)
def test_the_page_describes_every_byte(kind: type[Any]) -> None:
    assert table_of(kind.__name__) == field_places(kind)


def test_every_name_of_the_station_file_has_its_bit() -> None:
    assert messages.CONNECTOR_INPUTS[: len(CONNECTOR_INPUTS)] == CONNECTOR_INPUTS
    assert set(messages.CONNECTOR_INPUTS + messages.STATION_INPUTS) == set(INPUTS)
    assert set(messages.OUTPUTS) == set(OUTPUTS)
    assert set(messages.STATION_TEMPERATURES + messages.CONNECTOR_TEMPERATURES) == set(TEMPERATURES)
    for names in (messages.CONNECTOR_INPUTS, messages.STATION_INPUTS, messages.OUTPUTS, messages.SELF_TEST):
        for bit, name in enumerate(names):
            assert re.search(rf"^\| {bit} \| `?{re.escape(name)}`? \|", PAGE, re.MULTILINE), (
                f"{name} is not on the page"
            )


def test_the_largest_message_of_sixteen_connectors_fits_a_frame() -> None:
    for kind, part in ((Drive, DriveConnector), (Identity, IdentityConnector), (StationReading, StationConnector)):
        assert LAYOUTS[kind].size + 16 * LAYOUTS[part].size <= LARGEST_PAYLOAD


def test_a_vector_comes_back_as_it_was() -> None:
    parts = (DriveConnector(1, 2667, 1, 2, 1, 2, 20), DriveConnector())
    head = Drive(123456, messages.FEED, 0b101, 2)
    assert unpacked_parts(Drive, DriveConnector, packed(head, parts)) == (head, parts)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(7),
        packed(Drive(1, 0, 0, 2), (DriveConnector(),)),
        packed(Drive(1, 0, 0, 1), (DriveConnector(), DriveConnector())),
        packed(Drive(1, 0, 0, 17), (DriveConnector(),) * 17),
    ],
)
def test_a_vector_that_does_not_fit_its_count_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        unpacked_parts(Drive, DriveConnector, payload)


@given(st.binary(max_size=246))
def test_any_bytes_are_a_message_or_refused(payload: bytes) -> None:
    for kind in (Hello, ConnectorReading):
        try:
            assert packed(unpacked(kind, payload)) == payload
        except BadMessage:
            assert len(payload) != LAYOUTS[kind].size


def test_texts_are_printable_and_end_at_the_first_zero() -> None:
    assert messages.text(b"rel 1.2\0\xff\xff") == "rel 1.2"
    assert messages.text(b"\x1b[31mred\n\xe4") == "[31mred"
