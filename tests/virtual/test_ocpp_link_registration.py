"""BootNotification, Heartbeat and the clock, from power-up to years of silence, against a scripted backend."""

from pathlib import Path

import pytest

from bus.topics import SETTINGS_CHANGE, SYSTEM_SET_CLOCK
from schemas.base import Answer
from schemas.ocpp_link import LinkState
from tests.virtual.link_cell import LinkCell

pytestmark = pytest.mark.virtual
NOW = "2027-01-15T08:00:00Z"


def boot(status: str, interval: int) -> dict[str, object]:
    return {"status": status, "currentTime": NOW, "interval": interval}


def test_the_first_word_is_a_boot_notification_with_everything_it_needs(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    assert cell.backend.actions() == ["BootNotification"]
    assert cell.backend.payloads("BootNotification") == [
        {
            "chargePointVendor": "Vendor",
            "chargePointModel": "Model",
            "chargePointSerialNumber": "CP 1",
            "chargeBoxSerialNumber": "S-1",
            "firmwareVersion": "0.1.0",
        }
    ]
    assert cell.status.registered_wall_s > 0
    cell.backend.check()


def test_nothing_else_is_sent_before_it_is_accepted(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", boot("Rejected", 40), times=1)
    cell.backend.answers("BootNotification", boot("Pending", 50), times=1)
    cell.say_secrets()
    cell.say_settings()
    assert cell.state is LinkState.REJECTED
    cell.offer("m-1")
    cell.advance(39)
    assert len(cell.backend.calls()) == 1
    cell.advance(2)
    assert cell.state is LinkState.PENDING
    assert cell.status.next_try_s == pytest.approx(1000 + 40 + 50, abs=1)
    cell.advance(45)
    assert len(cell.backend.calls()) == 2
    cell.advance(10)
    assert cell.backend.actions() == ["BootNotification"] * 3 + ["StatusNotification"]
    cell.backend.check()


def test_interval_zero_is_chosen_by_the_station_and_does_not_flood(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", boot("Rejected", 0))
    cell.say_secrets()
    cell.say_settings()
    cell.advance(600)
    assert 8 <= len(cell.backend.calls()) <= 12


def test_pending_answers_questions_but_starts_nothing(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", boot("Pending", 300))
    cell.say_secrets()
    cell.say_settings()
    asked = [
        cell.backend.call("GetConfiguration", {}),
        cell.backend.call("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "10"}),
    ]
    start = cell.backend.call("RemoteStartTransaction", {"idTag": "A", "connectorId": 1})
    stop = cell.backend.call("RemoteStopTransaction", {"transactionId": 1})
    status = cell.backend.call("TriggerMessage", {"requestedMessage": "StatusNotification"})
    cell.settle()
    assert asked[0].payload == {"configurationKey": []}
    assert asked[1].payload == {"status": "Accepted"}
    assert start.payload == stop.payload == status.payload == {"status": "Rejected"}
    beat = cell.backend.call("TriggerMessage", {"requestedMessage": "Heartbeat"})
    again = cell.backend.call("TriggerMessage", {"requestedMessage": "BootNotification"})
    cell.settle()
    assert beat.payload == again.payload == {"status": "Accepted"}
    assert sorted(cell.backend.actions()) == ["BootNotification", "BootNotification", "Heartbeat"]
    cell.backend.check()


def test_a_rejected_station_says_nothing_at_all(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", boot("Rejected", 300))
    cell.say_secrets()
    cell.say_settings()
    reply = cell.backend.call("GetConfiguration", {})
    cell.backend.send('[2,"x","Reset"]')
    cell.advance(100)
    assert not reply.done
    assert len(cell.backend.calls()) == 1
    cell.backend.check()


def test_a_plain_reconnect_needs_no_boot_notification(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.advance(100)
    for _ in range(3):
        cell.backend.hang_up()
        cell.settle()
        assert cell.state is LinkState.WAITING
        cell.online()
        cell.advance(40)
    assert cell.backend.actions().count("BootNotification") == 1
    cell.backend.check()


def test_changed_content_is_told_at_the_next_connection(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.advance(100)
    cell.say_settings(FirmwareVersion="0.2.0")
    cell.backend.hang_up()
    cell.online()
    assert [one["firmwareVersion"] for one in cell.backend.payloads("BootNotification")] == ["0.1.0", "0.2.0"]


def test_a_killed_link_comes_back_without_a_boot_notification_and_with_a_heartbeat(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.kill("ocpp_link")
    cell.start("ocpp_link")
    cell.online()
    assert cell.backend.actions() == ["BootNotification", "Heartbeat"]
    cell.backend.check()


def test_a_new_start_of_the_station_begins_with_a_boot_notification(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    for owner in list(cell.processes):
        cell.kill(owner)
    cell.backend.forget_registration()
    cell.power_up()
    cell.say_secrets()
    cell.say_settings()
    cell.online()
    assert cell.backend.actions() == ["BootNotification", "BootNotification"]
    cell.backend.check()


def test_a_rejection_outlives_a_kill_of_the_link(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", boot("Rejected", 500), times=1)
    cell.say_secrets()
    cell.say_settings()
    cell.kill("ocpp_link")
    cell.start("ocpp_link")
    cell.advance(400)
    assert len(cell.backend.calls()) == 1
    cell.online(200)


def test_a_broken_memory_file_costs_one_boot_notification(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    (cell.home.run / "ocpp_link.json").write_bytes(b"\xff{]")
    cell.kill("ocpp_link")
    cell.start("ocpp_link")
    cell.online()
    assert cell.backend.actions().count("BootNotification") == 2


@pytest.mark.parametrize(("code", "text"), [("InternalError", ""), ("", '[3,"{id}",{"status":"Perhaps"}]')])
def test_an_error_instead_of_a_registration_is_tried_again_after_a_minute(tmp_path: Path, code: str, text: str) -> None:
    cell = LinkCell(tmp_path, say=False)
    if code:
        cell.backend.fails("BootNotification", code, times=2)
    else:
        cell.backend.says("BootNotification", text, times=2)
    cell.say_secrets()
    cell.say_settings()
    cell.advance(59)
    assert (cell.state, len(cell.backend.calls())) == (LinkState.REGISTERING, 1)
    cell.online(70)
    assert len(cell.backend.calls()) == 3
    assert cell.backend.connections == 1


def test_a_triggered_boot_notification_is_sent_after_the_answer(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    reply = cell.backend.call("TriggerMessage", {"requestedMessage": "BootNotification"})
    cell.settle()
    assert reply.payload == {"status": "Accepted"}
    assert cell.backend.actions() == ["BootNotification", "BootNotification"]
    station = [text for who, text in cell.backend.frames if who == "station"]
    assert station[1].startswith("[3,")
    assert station[2].startswith("[2,")
    assert cell.state is LinkState.ONLINE


# heartbeat and clock


def test_heartbeats_keep_the_interval_that_the_backend_gave(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.backend.interval_s = 40
    cell.backend.call("TriggerMessage", {"requestedMessage": "BootNotification"})
    cell.settle()
    (change,) = cell.requests(SETTINGS_CHANGE)
    assert (change.key, change.value, change.actor) == ("HeartbeatInterval", "40", "backend")
    cell.say_settings(HeartbeatInterval="40")
    begin_s = cell.clock.boot_s
    cell.advance(121)
    assert [round(one.at_s - begin_s) for one in cell.backend.calls("Heartbeat")] == [40, 80, 120]
    cell.say_settings(HeartbeatInterval="100")
    cell.advance(200)
    assert len(cell.backend.calls("Heartbeat")) == 5
    assert cell.status.heartbeat_interval_s == 100


def test_an_interval_out_of_the_keys_range_holds_all_the_same(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.script["settings.change"] = (Answer.REJECTED, "out of range", {})
    cell.backend.interval_s = 7
    cell.say_secrets()
    cell.say_settings()
    cell.advance(22)
    assert len(cell.backend.calls("Heartbeat")) == 3


def test_messages_replace_heartbeats_but_not_the_daily_one(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.quiet()
    for number in range(300):
        cell.offer(f"m-{number}")
        cell.settled(f"m-{number}")
        cell.advance(290)
    assert len(cell.backend.calls("Heartbeat")) == 1, "290 s apart for a day and an hour"
    cell.backend.check()


def test_the_station_clock_is_asked_to_follow_the_backends(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    assert cell.requests(SYSTEM_SET_CLOCK) == []
    cell.backend.wall_minus_now_s += 3.0
    cell.advance(301)
    (request,) = cell.requests(SYSTEM_SET_CLOCK)
    assert request.wall_s == pytest.approx(cell.clock.now().wall_s + 3.0, abs=1.5)


def test_a_time_that_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path, say=False)
    cell.backend.answers("BootNotification", {"status": "Accepted", "currentTime": "garbage", "interval": 10})
    cell.backend.answers("Heartbeat", {"currentTime": "1970-01-01T00:00:00Z"})
    cell.say_secrets()
    cell.say_settings()
    cell.online()
    cell.advance(100)
    assert cell.requests(SYSTEM_SET_CLOCK) == []
    assert len(cell.backend.calls("Heartbeat")) == 10
