"""The station's outputs as they are driven: by the rules, by the backend, and when one of them is tried out."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from hardware.interfaces import Feedback, SafetyBoard, Speed
from schemas.station import EquipmentSection
from services.safety.panel.output_test import OutputTest
from services.safety.panel.outputs import Wish
from services.safety.panel.panel import Panel
from services.safety.settings import SafetySettings
from services.safety.state import SAFE, ConnectorState, NoticeWish, Outputs
from tests.safety_rig import RATED_32_A, SOCKET

pytestmark = pytest.mark.bench


@dataclass
class Pin:
    """An output that follows after a time; it shows what it does with samples that are this old."""

    delay_s: float = 0.0
    off_delay_s: float = 0.0
    reads_back: bool = True
    age_s: float = 0.0
    now_s: float = 1000.0
    on: bool = False
    since_s: float = 0.0
    was: bool = False

    def drive(self, on: bool) -> None:
        if on is not self.on:
            self.was, self.on, self.since_s = self.on, on, self.now_s

    def readback(self) -> Feedback | None:
        delay_s = self.delay_s if self.on else self.off_delay_s
        follows = self.now_s - self.age_s - self.since_s >= delay_s - 1e-9
        return Feedback(self.on if follows else self.was, self.now_s - self.age_s) if self.reads_back else None


# an output that is tried out


def tried(pin: Pin, seconds: float = 3.0) -> tuple[OutputTest, list[tuple[float, bool]]]:
    """(the trial, when the output changed)."""
    test, edges = OutputTest("output_1", 1000.0), []
    for number in range(round(seconds * 100)):
        pin.now_s = 1000.0 + number / 100.0
        on = test.turn(pin.readback(), pin.now_s)
        if on is not pin.on:
            edges.append((round(pin.now_s - 1000.0, 2), on))
        pin.drive(on)
    return test, edges


@pytest.mark.parametrize(
    ("pin", "passed", "words", "measured"),
    [
        (Pin(), True, "was on for 1 s and followed", {"on_ms", "off_ms"}),
        (Pin(delay_s=0.88), True, "was on for 1 s and followed", {"on_ms", "off_ms"}),
        (Pin(delay_s=0.92), False, "does not follow its command", {"on_ms", "off_ms"}),
        (Pin(off_delay_s=0.28), True, "was on for 1 s and followed", {"on_ms", "off_ms"}),
        (Pin(off_delay_s=0.33), False, "does not follow its command", {"on_ms"}),
        (Pin(delay_s=9.0), False, "does not follow its command", {"off_ms"}),
        (Pin(reads_back=False), True, "was on for 1 s; this board does not read it back", set()),
        (Pin(age_s=9.0), True, "was on for 1 s; this board does not read it back", set()),
    ],
)
def test_an_output_is_on_for_a_second_and_follows_within_900_ms(
    pin: Pin, passed: bool, words: str, measured: set[str]
) -> None:
    test, edges = tried(pin)
    assert edges == [(0.0, True), (1.0, False)]
    assert test.verdict is not None
    assert (test.verdict.passed, test.verdict.words, set(test.verdict.measured)) == (passed, words, measured)
    times = {name: float(text) for name, text in test.verdict.measured.items()}
    assert times.get("on_ms", pin.delay_s * 1000.0) == pytest.approx(pin.delay_s * 1000.0, abs=11.0)
    assert times.get("off_ms", pin.off_delay_s * 1000.0) == pytest.approx(pin.off_delay_s * 1000.0, abs=11.0)


def test_the_verdict_comes_300_ms_after_the_output_went_off_and_stays() -> None:
    assert tried(Pin(), 1.28)[0].verdict is None
    test, _ = tried(Pin(), 1.33)
    said = test.verdict
    assert said is not None
    assert not test.turn(Feedback(True, 1002.0), 1002.0)
    assert test.verdict is said


def test_it_asks_for_a_turn_at_its_edges() -> None:
    test = OutputTest("output_1", 1000.0)
    assert test.next_s() == 1001.0
    test.turn(None, 1001.0)
    assert test.next_s() == pytest.approx(1001.3)


# the panel


@dataclass
class Desk:
    """A panel on a board of pins and contacts."""

    keys: SafetySettings = RATED_32_A
    outputs: tuple[str, ...] = ("auxiliary", "relay_2", "output_1", "output_2", "climate")
    start_id: str = "start-1"
    driven: Outputs = SAFE
    contacts: dict[str, Feedback | None] = field(default_factory=dict)
    told: list[NoticeWish] = field(default_factory=list)
    tachometers: dict[str, SimpleNamespace] = field(default_factory=dict)
    now_s: float = 1000.0
    wired: tuple[str, ...] = ("opto_1", "opto_2", "tamper")

    def __post_init__(self) -> None:
        self.pins = {name: Pin() for name in self.outputs}
        sources = {name: SimpleNamespace(state=lambda name=name: self.contacts[name]) for name in ("opto_1", "opto_2")}
        pins = {**self.pins, "of another task": Pin()}
        board = SimpleNamespace(outputs=pins, inputs=sources, tachometers=self.tachometers)
        contacts = {name: "normally closed" if name == "opto_2" else "normally open" for name in self.wired}
        wired = EquipmentSection(
            inputs=contacts,  # type: ignore[arg-type]
            outputs=(*self.outputs, "not on this board"),
        )
        self.contacts = {"opto_1": Feedback(False, 0.0), "opto_2": Feedback(True, 0.0)}
        self.panel = Panel(cast(SafetyBoard, board), wired, self.told.append)
        self.state = ConnectorState(SOCKET, 1000.0, settings=self.keys)

    def wishes(self) -> list[Wish]:
        return [Wish(self.state, self.driven)]

    def turn(self, seconds: float = 0.0) -> set[str]:
        """Names of the outputs that are on then."""
        self.now_s += seconds
        for pin in self.pins.values():
            pin.now_s = self.now_s
        self.panel.turn(self.wishes(), self.start_id, self.now_s)
        return {name for name, pin in self.pins.items() if pin.on}

    def codes(self) -> list[str]:
        return [wish.code for wish in self.told]


BACKEND = RATED_32_A._replace(backend_controlled=True)
IN_SERIES = RATED_32_A._replace(relay_2_pattern="On while charging")


def test_outputs_follow_the_rules_and_a_change_of_a_free_one_is_told() -> None:
    desk = Desk(BACKEND._replace(relay_2_pattern="On while charging"))
    assert desk.turn() == set()
    desk.driven = SAFE._replace(series=True, reclose=True)
    assert desk.turn(1.0) == {"relay_2", "auxiliary"}
    assert desk.codes() == []
    assert desk.panel.set_output(desk.wishes(), "output_2", True) == ""
    assert desk.turn(1.0) == {"relay_2", "auxiliary", "output_2"}
    assert desk.turn(1.0) == {"relay_2", "auxiliary", "output_2"}
    assert [(wish.code, wish.subject) for wish in desk.told] == [("output_changed", "output_2")]
    assert desk.panel.driven["output_2"].on


def test_without_any_connector_nothing_is_on_and_nothing_is_told() -> None:
    desk = Desk(BACKEND)
    desk.panel.turn([], "start-1", 1000.0)
    desk.pins["output_1"].drive(True)
    desk.panel.turn([], "start-1", 1001.0)
    assert not any(pin.on for pin in desk.pins.values())
    assert desk.panel.free([]) is None
    assert desk.told == []


def test_an_output_that_goes_off_when_no_connector_is_left_is_told_to_nobody() -> None:
    desk = Desk(BACKEND, driven=SAFE._replace(reclose=True))
    assert desk.turn() == {"auxiliary"}
    desk.panel.turn([], "start-1", 1001.0)
    assert not desk.pins["auxiliary"].on


@pytest.mark.parametrize(
    ("speed", "waits", "passed"),
    [
        (Speed(1.5, 1000.5), False, True),
        (Speed(0.9, 1000.5), True, False),
        (Speed(900.0, 999.9), True, False),
        (None, True, False),
    ],
)
def test_a_fan_has_5_s_to_turn_and_a_sample_from_before_or_after_counts_for_nothing(
    speed: Speed | None, waits: bool, passed: bool
) -> None:
    test = OutputTest("climate", 1000.0, fan=True)
    assert test.turn(None, 1000.6, speed)
    assert test.turn(None, 1001.0, speed) is waits
    assert test.turn(None, 1004.9, speed) is waits
    assert not test.turn(None, 1005.1, speed)
    test.turn(None, 1006.0, Speed(900.0, 1006.0))
    assert test.verdict is not None
    assert test.verdict.passed is passed


def test_what_the_backend_asked_for_lasts_over_a_process_and_not_over_a_start_of_the_station() -> None:
    desk = Desk(BACKEND)
    desk.turn()
    desk.panel.set_output(desk.wishes(), "output_1", True)
    assert desk.turn(1.0) == {"output_1"}
    for start_id, on in (("start-1", {"output_1"}), ("start-2", set())):
        again = Desk(BACKEND, start_id="")
        again.state.memory = desk.state.memory.copy()
        again.pins["output_1"].drive(True)
        assert again.turn() == {"output_1"}, "whether the station has started is not known yet: it stays as it is"
        assert again.panel.next_s == 1010.0
        assert "output_1" not in again.panel.driven
        again.start_id = start_id
        assert again.turn(1.0) == on
        assert again.state.memory.outputs_for == start_id


def test_without_a_word_of_the_start_the_free_outputs_go_off_after_10_s() -> None:
    desk = Desk(BACKEND, start_id="")
    desk.pins["output_1"].drive(True)
    desk.turn()
    assert desk.turn(9.9) == {"output_1"}
    assert desk.turn(0.2) == set()
    assert desk.panel.set_output(desk.wishes(), "output_1", True) == "the station is still starting"


def test_an_output_in_the_path_of_power_does_not_wait_for_a_word_of_the_start() -> None:
    desk = Desk(IN_SERIES, start_id="", driven=SAFE._replace(series=True))
    assert desk.turn() == {"relay_2"}


def test_outputs_are_the_backends_only_with_its_key() -> None:
    desk = Desk(BACKEND)
    desk.turn()
    desk.panel.set_output(desk.wishes(), "output_1", True)
    desk.turn(1.0)
    desk.state.settings = RATED_32_A
    assert desk.turn(1.0) == set()
    assert "is off" in desk.panel.set_output(desk.wishes(), "output_1", True)
    assert desk.panel.free(desk.wishes()) is None


@pytest.mark.parametrize("name", ["auxiliary", "relay_2", "climate", "output_3", "not on this board"])
def test_the_backend_switches_free_outputs_only(name: str) -> None:
    desk = Desk(BACKEND)
    desk.turn()
    assert desk.panel.set_output(desk.wishes(), name, True).endswith("free outputs: output_1, output_2")
    assert desk.turn(1.0) == set()
    bare = Desk(BACKEND, outputs=("output_2",))
    bare.turn()
    assert bare.panel.set_output(bare.wishes(), "output_1", True).endswith("free outputs: output_2")
    none = Desk(BACKEND, outputs=("relay_2",))
    none.turn()
    assert none.panel.set_output(none.wishes(), "output_1", True).endswith("free outputs: none")


def test_an_output_that_is_tried_out_is_on_for_a_second_and_the_others_follow_their_rules() -> None:
    desk = Desk(IN_SERIES, driven=SAFE._replace(series=True))
    desk.turn()
    desk.panel.test = OutputTest("output_1", desk.now_s)
    assert desk.turn() == {"relay_2", "output_1"}
    assert desk.panel.next_s == 1001.0
    assert desk.turn(0.99) == {"relay_2", "output_1"}
    assert desk.turn(0.02) == {"relay_2"}
    desk.turn(0.31)
    assert desk.panel.test.verdict is not None
    assert desk.told == [], "a trial is no change that anybody is told of"


def test_what_may_be_tried_out() -> None:
    desk = Desk()
    no_test = desk.panel.no_test
    assert no_test(desk.wishes(), "output_1", False) == no_test(desk.wishes(), "relay_2", False) == ""
    assert "--auxiliary" in no_test(desk.wishes(), "auxiliary", False)
    assert no_test(desk.wishes(), "auxiliary", True) == ""
    for force in (True, False):
        assert "there is no output" in no_test(desk.wishes(), "not on this board", force)
    assert "there are none" in Desk(outputs=()).panel.no_test([], "output_1", False)


def test_the_first_command_of_a_process_is_no_news_and_safe_is_what_carries_power() -> None:
    desk = Desk(BACKEND)
    for name in ("relay_2", "output_1"):
        desk.pins[name].drive(True)
    desk.panel.drive_safe(desk.wishes(), 1000.0)
    assert {name for name, pin in desk.pins.items() if pin.on} == {"output_1"}
    assert set(desk.panel.driven) == {"auxiliary", "relay_2"}
    desk.turn()
    assert desk.told == []


def test_a_wired_contact_is_active_as_it_is_wired() -> None:
    desk = Desk()
    assert (desk.panel.input("opto_1"), desk.panel.input("opto_2")) == (False, False)
    desk.contacts = {"opto_1": Feedback(True, 0.0), "opto_2": Feedback(False, 0.0)}
    assert (desk.panel.input("opto_1"), desk.panel.input("opto_2")) == (True, True)
    desk.contacts = {"opto_1": None, "opto_2": None}
    assert (desk.panel.input("opto_1"), desk.panel.input("tamper")) == (None, None)


def test_free_inputs_and_outputs_are_the_backends_to_see() -> None:
    desk = Desk(BACKEND)
    desk.turn()
    desk.contacts["opto_2"] = None
    expected = {"opto_1": "off", "opto_2": "", "output_1": "off", "output_2": "off"}
    assert desk.panel.free(desk.wishes()) == expected
    desk.contacts["opto_1"] = Feedback(True, 0.0)
    assert desk.panel.free(desk.wishes()) == {**expected, "opto_1": "on"}


def test_an_input_that_is_not_wired_is_not_reported() -> None:
    desk = Desk(BACKEND._replace(notify_inputs=True), wired=("opto_1",))
    desk.turn()
    desk.contacts["opto_2"] = Feedback(False, 0.0)
    desk.turn(1.0)
    assert desk.told == []
    assert "opto_2" not in (desk.panel.free(desk.wishes()) or {})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (BACKEND._replace(notify_inputs=True), ["input_changed"]),
        (BACKEND, []),
        (RATED_32_A._replace(notify_inputs=True), []),
    ],
)
def test_a_change_of_a_free_input_is_told_with_both_keys(keys: SafetySettings, told: list[str]) -> None:
    desk = Desk(keys)
    desk.turn()
    desk.contacts["opto_1"] = Feedback(True, 0.0)
    desk.turn(1.0)
    assert desk.codes() == told
    desk.contacts["opto_1"] = Feedback(False, 0.0)
    desk.turn(1.0)
    assert desk.codes() == told
    if told:
        assert desk.panel.next_s == 1011.0
