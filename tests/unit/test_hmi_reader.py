"""Which cards count."""

import math

import pytest

from hardware.interfaces import CardSeen
from schemas.hmi import CardPresented
from services.hmi.reader import CardGate, Refusal, clean

pytestmark = pytest.mark.unit


def seen(tag: str, now_s: float = 0.0, presentation: str = "", connectors: tuple[int, ...] = ()) -> CardSeen:
    return CardSeen(tag, "front", connectors, now_s, presentation)


def take(gate: CardGate, tag: str, now_s: float, presentation: str = "") -> CardPresented | Refusal:
    return gate.take(seen(tag, now_s, presentation), now_s, "made-here")


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("04a2113c", "04a2113c"),
        ("04:A2:11:3C", "04A2113C"),
        ("04 A2 11 3C 55 66 77", "04A2113C556677"),
        ("00-11-22-33-44-55-66-77-88-99", "00112233445566778899"),
        (" CARD-1\n", "CARD-1"),
        ("x", "x"),
        ("12345678901234567890", "12345678901234567890"),
        ("04:A2:11", "04:A2:11"),
    ],
)
def test_a_uid_or_a_short_text_is_a_card_as_it_was_read(raw: str, tag: str) -> None:
    assert clean(raw) == tag


@pytest.mark.parametrize(
    "raw", ["", "   ", "1" * 21, "a\0b", "a\x1bb", "Jürgen", "04:A2:11:3C:55", "A" * 100_000, "00-11-22-33-44-55"]
)
def test_anything_else_is_no_card(raw: str) -> None:
    assert clean(raw) is None


def test_a_card_held_to_the_reader_counts_once() -> None:
    gate = CardGate([1])
    assert isinstance(take(gate, "CARD", 10.0), CardPresented)
    for step in range(1, 20):
        assert take(gate, "card", 10.0 + step * 0.5) is Refusal.REPEATED
    assert isinstance(take(gate, "CARD", 19.5 + 2.0), CardPresented)


def test_just_under_two_seconds_is_still_the_same_holding() -> None:
    gate = CardGate([1])
    take(gate, "CARD", 10.0)
    assert take(gate, "CARD", 11.99) is Refusal.REPEATED


def test_two_cards_do_not_hide_each_other() -> None:
    gate = CardGate([1])
    assert isinstance(take(gate, "ONE", 10.0), CardPresented)
    assert isinstance(take(gate, "TWO", 10.1), CardPresented)
    assert take(gate, "ONE", 10.2) is Refusal.REPEATED


def test_a_reader_that_reads_seldom_is_trusted_about_the_same_presentation() -> None:
    gate = CardGate([1])
    take(gate, "CARD", 10.0, "p1")
    assert take(gate, "CARD", 15.0, "p1") is Refusal.REPEATED
    assert isinstance(take(gate, "CARD", 20.0, "p2"), CardPresented)
    assert isinstance(take(gate, "CARD", 35.0, "p2"), CardPresented)


def test_a_flood_of_cards_is_bounded() -> None:
    gate = CardGate([1])
    taken = [take(gate, f"CARD{n}", 10.0 + n / 1000) for n in range(1000)]
    assert sum(isinstance(each, CardPresented) for each in taken) == 5
    assert taken[5] is Refusal.TOO_MANY
    assert isinstance(take(gate, "LATER", 11.01), CardPresented)


def test_a_refused_flood_card_counts_when_it_comes_again() -> None:
    gate = CardGate([1])
    for n in range(5):
        take(gate, f"CARD{n}", 10.0)
    assert take(gate, "MINE", 10.1) is Refusal.TOO_MANY
    assert isinstance(take(gate, "MINE", 11.1), CardPresented)


def test_an_old_reading_has_no_effect_any_more() -> None:
    gate = CardGate([1])
    assert gate.take(seen("CARD", 10.0), 15.1, "id") is Refusal.STALE


@pytest.mark.parametrize("stamp", [math.nan, math.inf, -5.0, 99.0])
def test_an_impossible_stamp_is_replaced_by_now(stamp: float) -> None:
    taken = CardGate([1]).take(seen("CARD", stamp), 15.0, "id")
    assert isinstance(taken, CardPresented)
    assert taken.presented_s == 15.0


def test_the_presentation_gets_a_name_when_the_reader_gives_none() -> None:
    nameless, named = take(CardGate([1]), "CARD", 1.0), take(CardGate([1]), "CARD", 1.0, "p" * 99)
    assert isinstance(nameless, CardPresented)
    assert isinstance(named, CardPresented)
    assert (nameless.presentation_id, named.presentation_id) == ("made-here", "p" * 36)


def test_only_connectors_of_this_station_count() -> None:
    gate = CardGate([1, 2])
    taken = gate.take(seen("CARD", 0.0, "", (2, 7)), 0.0, "id")
    assert isinstance(taken, CardPresented)
    assert taken.connectors == (2,)
    assert gate.take(seen("OTHER", 0.0, "", (7,)), 0.0, "id") is Refusal.NOT_HERE
