"""Frames of the serial link: whole ones arrive, damaged ones do not, and nothing grows."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.mcu.frame import (
    LARGEST_ENCODED,
    LARGEST_PAYLOAD,
    BadFrame,
    Frame,
    FrameReader,
    crc16,
    decode,
    encode,
    stuffed,
    unstuffed,
)
from hardware.mcu.messages import Hello, Kind, packed

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[2] / "docs" / "mcu-protocol.md").read_text(encoding="utf-8")
FRAMES = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.binary(max_size=LARGEST_PAYLOAD),
)


def test_the_checksum_has_the_value_that_every_table_of_checksums_gives() -> None:
    assert crc16(b"123456789") == 0x29B1


@given(st.binary(max_size=300))
def test_the_checksum_is_the_one_that_the_page_describes_bit_by_bit(data: bytes) -> None:
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021) & 0xFFFF if value & 0x8000 else value << 1
    assert crc16(data) == value


def test_the_worked_example_of_the_page_for_firmware_authors() -> None:
    frame = Frame(1, Kind.HELLO, 0x0102, packed(Hello(run_id=0x11223344, host_us=0x00000080)))
    example = "00 0a 01 01 02 01 44 33 22 11 80 01 01 03 a5 df 00"
    assert encode(frame).hex(" ") == example
    assert example in PAGE


@given(st.binary(min_size=0, max_size=254))
def test_stuffing_removes_every_zero_and_comes_back(data: bytes) -> None:
    assert b"\0" not in stuffed(data)
    assert len(stuffed(data)) == len(data) + 1
    assert unstuffed(stuffed(data)) == data


@given(FRAMES)
def test_a_frame_comes_back_as_it_was(frame: Frame) -> None:
    assert decode(encode(frame).strip(b"\0")) == frame


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_frames_arrive_whatever_portions_the_line_delivers(frames: list[Frame], portions: list[int]) -> None:
    data, reader, arrived, place = b"".join(map(encode, frames)), FrameReader(), [], 0
    while data:
        cut = portions[place % len(portions)]
        arrived += reader.take(data[:cut])
        data, place = data[cut:], place + 1
    assert arrived == frames
    assert reader.damaged == 0


@given(FRAMES, st.data())
def test_a_frame_with_one_flipped_bit_never_arrives_as_another(frame: Frame, data: st.DataObject) -> None:
    whole = bytearray(encode(frame))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << (place % 8)
    arrived = list(FrameReader().take(bytes(whole)))
    assert arrived in ([], [frame]), "a bit of a delimiter may be flipped without harm"


@given(st.binary(max_size=2000), FRAMES)
def test_after_any_garbage_the_next_whole_frame_arrives(garbage: bytes, frame: Frame) -> None:
    reader = FrameReader()
    list(reader.take(garbage))
    assert list(reader.take(encode(frame)))[-1:] == [frame]


@given(st.binary(max_size=400))
def test_decoding_anything_gives_a_frame_or_says_that_it_is_none(data: bytes) -> None:
    try:
        frame = decode(data)
    except BadFrame:
        return
    assert encode(frame).strip(b"\0") == data


def test_a_flood_without_a_delimiter_is_not_kept() -> None:
    reader = FrameReader()
    for _ in range(1000):
        assert list(reader.take(b"\x55" * 4096)) == []
    assert reader.damaged == 1, "one endless thing, not a thousand"
    assert len(reader._rest) <= LARGEST_ENCODED
    frame = Frame(1, 2, 3, b"after")
    assert list(reader.take(encode(frame))) == [frame]


def test_random_noise_with_delimiters_gives_no_frames() -> None:
    noise = random.Random(7)
    reader = FrameReader()
    data = bytes(noise.randrange(256) for _ in range(200_000))
    assert list(reader.take(data)) == []
    assert reader.damaged > 500


def test_a_payload_that_is_too_long_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="246"):
        encode(Frame(1, 2, 3, bytes(LARGEST_PAYLOAD + 1)))
    assert len(encode(Frame(1, 2, 3, bytes(LARGEST_PAYLOAD)))) == LARGEST_ENCODED + 2
