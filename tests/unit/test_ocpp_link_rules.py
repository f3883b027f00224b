"""Registration, heartbeat, back-off, pings, addresses, the backend's time: the pure rules of the link."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ocpp_link.backend_time import correction
from services.ocpp_link.heartbeat import DAILY_S, Heartbeat, Interval
from services.ocpp_link.keep_alive import KeepAlive, Verdict
from services.ocpp_link.keys import read
from services.ocpp_link.reconnect import LONGEST_S, STABLE_S, Backoff, pause_s
from services.ocpp_link.registration import LONGEST_INTERVAL_S, OWN_INTERVAL_S, Kept, Registration, Stage
from services.ocpp_link.url import BadAddress, connection_address

pytestmark = pytest.mark.unit


# registration


def connected(fingerprint: str = "A", now_s: float = 100.0) -> Registration:
    registration = Registration("start-1")
    registration.connected(fingerprint, now_s)
    return registration


def test_the_first_connection_begins_with_a_boot_notification() -> None:
    registration = connected()
    assert registration.boot_s() == 100.0
    assert not registration.may_send


def test_an_accepted_station_says_it_once_and_not_on_a_reconnect() -> None:
    registration = connected()
    registration.sent()
    registration.answered("Accepted", 300, 101.0)
    assert registration.may_send
    assert registration.boot_s() == math.inf
    registration.connected("A", 200.0)
    assert registration.boot_s() == math.inf


def test_changed_content_needs_a_new_boot_notification() -> None:
    registration = connected()
    registration.answered("Accepted", 300, 101.0)
    registration.connected("B", 200.0)
    assert registration.boot_s() == 200.0
    assert not registration.may_send


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
@pytest.mark.parametrize(
    ("interval", "wait_s"),
    [(1, 1.0), (30, 30.0), (0, OWN_INTERVAL_S), (-5, OWN_INTERVAL_S), (10**9, LONGEST_INTERVAL_S)],
)
def test_the_interval_decides_when_the_station_asks_again(status: str, interval: int, wait_s: float) -> None:
    registration = connected()
    registration.answered(status, interval, 110.0)
    assert registration.boot_s() == 110.0 + wait_s
    assert not registration.may_send
    registration.connected("A", 111.0)
    assert registration.boot_s() == max(110.0 + wait_s, 111.0), "a reconnect does not shorten it"


def test_pending_answers_and_rejected_is_silent() -> None:
    registration = connected()
    assert registration.may_answer
    assert not registration.allows("RemoteStartTransaction")
    registration.answered("Pending", 10, 110.0)
    assert registration.may_answer
    assert registration.allows("GetConfiguration")
    assert not registration.allows("RemoteStopTransaction")
    registration.answered("Rejected", 10, 120.0)
    assert not registration.may_answer
    registration.answered("Accepted", 10, 130.0)
    assert registration.allows("RemoteStartTransaction")


def test_a_trigger_brings_a_boot_notification_at_any_time_but_not_after_rejection() -> None:
    registration = connected()
    registration.answered("Accepted", 300, 101.0)
    registration.trigger()
    assert registration.boot_s() == 0.0
    registration.sent()
    assert registration.boot_s() == math.inf
    registration.trigger()
    registration.answered("Rejected", 30, 110.0)
    assert registration.boot_s() == 140.0


def test_an_error_instead_of_an_answer_is_tried_again_after_a_minute() -> None:
    registration = connected()
    registration.failed(101.0)
    assert registration.boot_s() == 161.0
    registration.answered("Accepted", 300, 170.0)
    registration.failed(180.0)
    assert registration.may_send, "a triggered one that fails changes nothing"


def test_a_restarted_process_is_registered_as_before_a_restarted_station_is_not() -> None:
    registration = connected()
    registration.answered("Accepted", 300, 101.0)
    kept = registration.kept()
    same = Registration.resumed("start-1", kept)
    same.connected("A", 200.0)
    assert same.may_send
    for other in (Registration.resumed("start-2", kept), Registration.resumed("start-1", None)):
        other.connected("A", 200.0)
        assert other.boot_s() == 200.0
    nonsense = Registration.resumed("start-1", Kept("start-1", "A", "nonsense", 0.0))
    assert nonsense.stage is Stage.UNREGISTERED
    nameless = Registration.resumed("", Kept("", "A", "accepted", 0.0))
    assert nameless.stage is Stage.UNREGISTERED


# heartbeat


def test_a_heartbeat_is_due_after_silence_and_once_a_day() -> None:
    beat = Heartbeat(interval_s=300.0)
    beat.registered(1000.0)
    assert beat.due_s() == 1300.0
    beat.spoke(1250.0)
    assert beat.due_s() == 1550.0
    for hour in range(24):
        beat.spoke(1000.0 + hour * 3600.0)
    assert beat.due_s() == 1000.0 + 23 * 3600.0 + 300.0
    beat.spoke(1000.0 + DAILY_S - 1.0)
    assert beat.due_s() == 1000.0 + DAILY_S
    beat.beat(beat.due_s())
    assert beat.due_s() == 1000.0 + DAILY_S + 300.0


def test_the_backends_interval_holds_until_the_key_is_changed() -> None:
    interval = Interval()
    interval.key_changed(300)
    assert interval.granted(60)
    assert interval.in_force_s() == 60
    interval.key_changed(300)
    assert interval.in_force_s() == 60, "the key was not changed: the answer still rules"
    interval.key_changed(60)
    assert interval.in_force_s() == 60
    interval.key_changed(900)
    assert interval.in_force_s() == 900
    assert not interval.granted(900), "nothing to write"
    assert not interval.granted(0), "the backend leaves it to us"
    assert interval.in_force_s() == 900


# back-off


def test_the_pause_doubles_from_the_time_out_to_twelve_hours() -> None:
    assert [pause_s(number, 60.0, 0.5) for number in range(1, 13)] == [
        60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, 7680.0, 15360.0, 30720.0, LONGEST_S, LONGEST_S
    ]  # fmt: skip


@given(st.integers(1, 10_000), st.floats(3, 300), st.floats(0, 1))
def test_the_jitter_is_twenty_percent_and_the_cap_is_never_passed(
    failures: int, timeout_s: float, chance: float
) -> None:
    pause = pause_s(failures, timeout_s, chance)
    middle = min(LONGEST_S, timeout_s * 2.0 ** min(failures - 1, 20))
    assert 0.8 * middle - 1e-6 <= pause <= min(LONGEST_S, 1.2 * middle + 1e-6)


def test_a_failure_after_the_longest_pause_is_the_end() -> None:
    backoff = Backoff()
    for number in range(1, 12):
        backoff.failed(0.0, 60.0, 0.5)
        assert not backoff.exhausted, number
    backoff.failed(0.0, 60.0, 0.5)
    assert backoff.exhausted
    backoff.again(5.0)
    assert (backoff.exhausted, backoff.failures, backoff.due_s(uplink=True)) == (False, 0, 5.0)


def test_a_proven_connection_that_breaks_is_tried_soon_a_short_one_is_a_failure() -> None:
    backoff = Backoff()
    backoff.lost(100.0, 60.0, 0.5, STABLE_S)
    assert (backoff.failures, backoff.next_try_s) == (0, 102.0)
    backoff.lost(200.0, 60.0, 0.5, STABLE_S - 0.1)
    assert (backoff.failures, backoff.next_try_s) == (1, 260.0)
    backoff.lost(300.0, 60.0, 0.5, 0.0)
    assert (backoff.failures, backoff.next_try_s) == (2, 420.0)


def test_without_an_uplink_nothing_is_tried() -> None:
    assert Backoff().due_s(uplink=False) == math.inf


# pings


def test_pings_go_at_intervals_and_silence_after_one_is_death() -> None:
    alive = KeepAlive(interval_s=20.0, timeout_s=50.0)
    alive.opened(100.0)
    assert alive.judge(119.9) is Verdict.FINE
    assert alive.judge(120.0) is Verdict.PING
    assert alive.due_s() == 140.0
    alive.heard()
    assert alive.judge(140.0) is Verdict.PING
    assert alive.judge(160.0) is Verdict.PING
    assert alive.judge(180.0) is Verdict.PING
    assert alive.due_s() == 190.0
    assert alive.judge(189.9) is Verdict.FINE
    assert alive.judge(190.0) is Verdict.DEAD


def test_interval_zero_means_no_pings_and_no_judgement() -> None:
    alive = KeepAlive(interval_s=0.0)
    alive.opened(0.0)
    assert alive.judge(1e9) is Verdict.FINE
    assert alive.due_s() == math.inf


# addresses


@pytest.mark.parametrize(
    ("endpoint", "identity", "url"),
    [
        ("ws://centralsystem.example.com/ocpp", "CP001", "ws://centralsystem.example.com/ocpp/CP001"),
        ("wss://centralsystem.example.com/ocppj", "RDAM 123", "wss://centralsystem.example.com/ocppj/RDAM%20123"),
        ("ws://backend:8080/OCPP/v16/", "CP1", "ws://backend:8080/OCPP/v16/CP1"),
        ("ws://backend", "CP1", "ws://backend/CP1"),
        ("wss://[::1]:9000/x", "a/b?c#d", "wss://[::1]:9000/x/a%2Fb%3Fc%23d"),
        ("ws://host/p%20q/?tenant=a&b=c", "CP1", "ws://host/p%20q/CP1?tenant=a&b=c"),
        ("ws://bücher.example/", "CP1", "ws://xn--bcher-kva.example/CP1"),
        ("WS://HOST/Path", "Ünit", "ws://host/Path/%C3%9Cnit"),
    ],
)
def test_the_identity_is_appended_to_the_address(endpoint: str, identity: str, url: str) -> None:
    assert connection_address(endpoint, identity).url == url


def test_ports_and_resources_are_as_dialled() -> None:
    plain, secure = connection_address("ws://h/x", "C"), connection_address("wss://h/x?a=b", "C")
    assert (plain.secure, plain.port, plain.resource) == (False, 80, "/x/C")
    assert (secure.secure, secure.port, secure.resource) == (True, 443, "/x/C?a=b")
    assert connection_address("wss://[fe80::1]:99/", "C").host == "fe80::1"


@pytest.mark.parametrize(
    ("endpoint", "identity", "words"),
    [
        ("http://host/", "CP1", "ws://"),
        ("host/ocpp", "CP1", "ws://"),
        ("ws://user:secret@host/", "CP1", "HTTPBasicAuthPassword"),
        ("ws://@host/", "CP1", "HTTPBasicAuthPassword"),
        ("ws:///path", "CP1", "no host"),
        ("ws://host:0/", "CP1", "port 0"),
        ("ws://host:99999/", "CP1", "no address"),
        ("ws://[::1/", "CP1", "no address"),
        ("ws://host/#part", "CP1", "#"),
        ("ws://host/a b", "CP1", "space"),
        ("ws://host/\r\nX: y", "CP1", "control"),
        ("ws://host/ocpp/CP1", "CP1", "leave it out"),
        ("ws://host/ocpp/CP%201/", "CP 1", "leave it out"),
        ("ws://host/", "", "ChargeBoxIdentity"),
        ("ws://host/", "CP\n1", "ChargeBoxIdentity"),
        ("ws://host/", "CP:1", "colon"),
        ("ws://host/" + "x" * 500, "CP1", "longer"),
        ("ws://" + "ü" * 70 + "/", "CP1", "resolver"),
    ],
)
def test_an_address_that_cannot_be_dialled_says_what_to_change(endpoint: str, identity: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        connection_address(endpoint, identity)


@given(st.text(max_size=80), st.text(max_size=30))
def test_no_address_is_worse_than_a_bad_one(endpoint: str, identity: str) -> None:
    for one in (endpoint, f"ws://{endpoint}", f"wss://host/{endpoint}"):
        try:
            address = connection_address(one, identity)
        except BadAddress:
            continue
        assert address.resource.isascii()
        assert not any(letter.isspace() for letter in address.resource)


# keys and time


def test_the_station_file_fills_what_no_key_says() -> None:
    keys = read({"ConnectionType": "Ethernet", "OCPPBackendJSONURL": "ws://x/"}, "SERIAL", "Vendor", "Model")
    assert keys.wanted
    assert (keys.identity, keys.timeout_s, keys.ping_s, keys.heartbeat_s) == ("SERIAL", 60, 60, 300)
    assert keys.content.payload() == {
        "chargePointVendor": "Vendor",
        "chargePointModel": "Model",
        "chargePointSerialNumber": "SERIAL",
        "chargeBoxSerialNumber": "SERIAL",
    }
    assert not read({"ConnectionType": "No Backend", "OCPPBackendJSONURL": "ws://x/"}, "S", "V", "M").wanted
    assert not read({"ConnectionType": "Ethernet", "OCPPBackendJSONURL": ""}, "S", "V", "M").wanted


def test_boot_content_keeps_to_the_lengths_of_ocpp() -> None:
    values = {
        "ChargePointVendor": "v" * 99, "ChargePointModel": "m" * 99, "ChargePointSerialNumber": "s" * 99,
        "ChargeBoxSerialNumber": "b" * 99, "FirmwareVersion": "f" * 99,
    }  # fmt: skip
    payload = read(values, "S", "V", "M").content.payload()
    assert [len(value) for value in payload.values()] == [20, 20, 25, 25, 50]


@pytest.mark.parametrize(
    ("told", "wall_s", "expected"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000.9, None),
        ("2027-01-15T08:00:00Z", 1_800_000_002.0, 1_800_000_000.25),
        ("2027-01-15T10:00:00.000+02:00", 1_799_990_000.0, 1_800_000_000.25),
        ("2027-01-15T08:00:00", 1_799_990_000.0, 1_800_000_000.25),
        ("1970-01-01T00:00:00Z", 1_800_000_000.0, None),
        ("9999-12-31T23:59:59Z", 1_800_000_000.0, None),
        ("0001-01-01T00:00:00+14:00", 1_800_000_000.0, None),
        ("yesterday", 1_800_000_000.0, None),
        ("", 1_800_000_000.0, None),
    ],
)
def test_the_backends_time_counts_where_it_makes_sense_and_differs(
    told: str, wall_s: float, expected: float | None
) -> None:
    assert correction(told, wall_s, 0.5) == expected
