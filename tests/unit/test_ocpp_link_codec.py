"""Frames of OCPP-J: what is understood, what is answered with an error, what is ignored; and nothing ever raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ocpp_link import codec
from services.ocpp_link.codec import (
    Answerable,
    BrokenAnswer,
    CallFrame,
    Code,
    ErrorFrame,
    ResultFrame,
    Unanswerable,
    parse,
)
from tests.backend.judge import ERROR_CODES

pytestmark = pytest.mark.unit


def test_the_three_kinds_of_frames_are_understood() -> None:
    call = parse('[2,"1","Reset",{"type":"Hard"}]')
    assert isinstance(call, CallFrame)
    assert (call.message_id, call.action, bytes(call.payload)) == ("1", "Reset", b'{"type":"Hard"}')
    assert isinstance(parse(' [ 3 , "1" , {} ] '), ResultFrame)
    error = parse('[4,"1","GenericError","words",{"a":1}]')
    assert isinstance(error, ErrorFrame)
    assert (error.code, error.description) == ("GenericError", "words")


@pytest.mark.parametrize("text", ['[4,"1","GenericError"]', '[4,"1","GenericError",null]', '[4,"1","X","d",{},7]'])
def test_an_error_is_understood_by_its_code_alone(text: str) -> None:
    assert isinstance(parse(text), ErrorFrame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        '"[2]"',
        "null",
        "[]",
        "[2]",
        '[2,7,"Reset",{}]',
        '[2,null,"Reset",{}]',
        '[2,"","Reset",{}]',
        '[5,"1",{}]',
        '["2","1","Reset",{}]',
        '[2.0,"1","Reset",{}]',
        '[true,"1","Reset",{}]',
        '[2,"1","Reset",{}',
        '[2,"1","Reset",{}] trailing',
        '[2,"1","Reset",NaN]',
        '[2,"\\ud800","Reset",{}]',
        '[3,"' + "x" * 37 + '",{}]',
        '[2,"' + "x" * 300 + '","Reset",{}]',
    ],
)
def test_what_nobody_could_match_an_answer_to_is_ignored(text: str) -> None:
    assert isinstance(parse(text), Unanswerable)


@pytest.mark.parametrize("text", ['[2,"1","Reset"]', '[2,"1","Reset",{},1]', '[2,"1",7,{}]', '[2,"1"]'])
def test_a_misshapen_call_with_an_id_hears_formation_violation(text: str) -> None:
    frame = parse(text)
    assert isinstance(frame, Answerable)
    assert (frame.message_id, frame.code) == ("1", Code.FORMATION_VIOLATION)


def test_a_message_id_of_36_characters_is_the_longest() -> None:
    assert isinstance(parse(f'[2,"{"x" * 36}","Reset",{{}}]'), CallFrame)
    frame = parse(f'[2,"{"x" * 37}","Reset",{{}}]')
    assert isinstance(frame, Answerable)
    assert frame.code == Code.PROTOCOL_ERROR


@pytest.mark.parametrize("text", ['[3,"1"]', '[3,"1",{},1]', '[4,"1"]', '[4,"1",7]'])
def test_a_misshapen_answer_still_names_its_call(text: str) -> None:
    frame = parse(text)
    assert isinstance(frame, BrokenAnswer)
    assert frame.message_id == "1"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_20_passes_and_depth_21_does_not(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for inner, allowed in ((18, True), (19, True), (20, False)):
        text = f'[2,"1","X",{opening * inner}{"0"}{closing * inner}]'
        assert isinstance(parse(text), CallFrame) is allowed, inner


def test_brackets_inside_of_strings_do_not_count() -> None:
    text = json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": '[[[{"\\' * 50}])
    assert isinstance(parse(text), CallFrame)


@pytest.mark.parametrize("text", ["[" * 200_000, '"' + '\\"' * 100_000, '["' * 100_000, '[2,"1","X",' + "[" * 100_000])
def test_a_hostile_frame_costs_linear_time_and_no_recursion(text: str) -> None:
    assert isinstance(parse(text), Unanswerable)


def test_size_is_counted_in_bytes_of_utf8() -> None:
    frame = '[2,"1","DataTransfer",{"vendorId":"%s"}]'
    room = codec.LONGEST_FRAME - len(frame) + 2
    assert isinstance(parse(frame % ("x" * room)), CallFrame)
    assert isinstance(parse(frame % ("x" * (room + 1))), Unanswerable)
    assert isinstance(parse(frame % ("ü" * (room // 2 + 1))), Unanswerable)


def test_what_we_write_others_can_read() -> None:
    assert json.loads(codec.call('a"b', "Heartbeat", "{}")) == [2, 'a"b', "Heartbeat", {}]
    assert json.loads(codec.call_result("1", '{"status":"Accepted"}')) == [3, "1", {"status": "Accepted"}]
    written = json.loads(codec.call_error("1", Code.INTERNAL_ERROR, "x" * 1000))
    assert written == [4, "1", "InternalError", "x" * 255, {}]


def test_error_codes_are_spelt_as_ocpp_j_spells_them() -> None:
    ours = {value for name, value in vars(Code).items() if name.isupper()}
    assert ours == ERROR_CODES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.lists(JSON, max_size=6) | st.tuples(
    st.sampled_from([2, 3, 4, 5, "2", 2.0]), JSON | st.text(max_size=40), JSON | st.sampled_from(["Reset", "X"]), JSON
).map(list)


@given(st.text(max_size=200) | FRAMES.map(json.dumps) | st.text(alphabet='[]{}",:\\2341ab', max_size=300))
def test_parsing_never_raises(text: str) -> None:
    frame = parse(text)
    if not isinstance(frame, Unanswerable):
        assert 0 < len(frame.message_id) <= codec.LONGEST_ANSWERED_ID


@given(st.text(alphabet='[]{}"\\a', max_size=60), st.integers(1, 6))
def test_the_fast_depth_check_agrees_with_a_plain_one(text: str, most: int) -> None:
    depth = deepest = 0
    inside = skip = False
    for letter in text:
        if skip:
            skip = False
        elif inside:
            skip, inside = letter == "\\", letter != '"'
        elif letter == '"':
            inside = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    assert codec.deeper_than(text, most) == (deepest > most)
