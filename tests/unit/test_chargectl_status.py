"""What `chargectl status` says about the backend and the queue."""

from typing import Any

import pytest

from chargectl.status import _backend, _queue

pytestmark = pytest.mark.unit

LINK: dict[str, object] = {
    "state": "waiting",
    "url": "ws://h/S",
    "since": "2026-11-20T11:00:00.000Z",
    "last_error": "h:80: Connection refused",
    "next_try_in_s": 61.0,
}
QUEUE: dict[str, object] = {
    "waiting": 3,
    "oldest": "2026-11-20T11:00:00.000Z",
    "waits_because": "not registered",
    "given_up": 0,
    "charging_refused": False,
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "backend: waiting, ws://h/S, since 2026-11-20T11:00:00.000Z - h:80: Connection refused; next try in 61 s"),
        (
            {"state": "online", "next_try_in_s": None},
            "backend: online, ws://h/S, since 2026-11-20T11:00:00.000Z",
        ),
        ({"state": "off"}, "backend: off - h:80: Connection refused"),
    ],
)
def test_the_connection_is_told_with_its_last_error_while_it_is_not_there(change: dict[str, Any], text: str) -> None:
    assert _backend({**LINK, **change}) == text


def test_without_a_wanted_backend_the_keys_are_named() -> None:
    text = _backend({"state": "off", "last_error": "", "next_try_in_s": None})
    assert "ConnectionType" in text
    assert "OCPPBackendJSONURL" in text


def test_services_that_are_not_heard_are_named() -> None:
    assert _backend({"state": "unknown", "last_error": "ocpp_link is not heard"}).endswith("ocpp_link is not heard")
    assert _queue({"waiting": None, "waits_because": "message_queue is not heard"}).endswith("is not heard")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "queue: 3 waiting, the oldest since 2026-11-20T11:00:00.000Z - not registered"),
        ({"waiting": 0, "oldest": "", "waits_because": ""}, "queue: nothing waiting"),
        (
            {"waiting": 0, "oldest": "", "given_up": 2},
            "queue: nothing waiting; 2 given up: chargectl queue ls --given-up",
        ),
        ({"waiting": 9000, "oldest": "", "charging_refused": True}, "queue: 9000 waiting - not registered; full: "),
    ],
)
def test_the_queue_is_told_with_its_reason(change: dict[str, Any], text: str) -> None:
    assert _queue({**QUEUE, **change}).startswith(text)
