"""Sets of settings on the bus: all or nothing, orders of actions, explanations, the history, restarts, power cuts."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.topics import (
    FAULTS,
    SETTINGS_CHANGE,
    SETTINGS_CHANGE_SET,
    SETTINGS_EXPLAIN,
    SETTINGS_GET_CONFIGURATION,
    SETTINGS_HISTORY,
    SETTINGS_SECRETS,
    SETTINGS_VALUES,
)
from schemas.base import Answer, Answered
from schemas.settings import (
    ChangeSetRequest,
    ChangeSettingRequest,
    Entry,
    ExplainRequest,
    GetConfigurationRequest,
    HistoryRequest,
    SettingsSnapshot,
)
from services.actions import Orders
from services.settings import table
from services.settings.__main__ import build
from services.settings.station import ASKS, HEARS
from services.settings.store import MIGRATIONS, SettingsStore
from services.settings.table import KEYS
from services.settings.table.key import KeyType
from services.store import Store
from services.store_errors import NewerStore
from tests.puppets import ask, cell, id_and_end, puppet
from tests.virtual_cell import Cell, Wiring

pytestmark = pytest.mark.virtual

TWO = "[connector.1]\n[connector.2]\n"
ASKED = (SETTINGS_CHANGE, SETTINGS_CHANGE_SET, SETTINGS_EXPLAIN, SETTINGS_HISTORY, SETTINGS_GET_CONFIGURATION)


def station(root: Path, text: str = TWO) -> Cell:
    wirings = {
        "settings": Wiring(HEARS, ASKS, build),
        "session": puppet((SETTINGS_VALUES, SETTINGS_SECRETS), ASKED),
        "safety": puppet(),
        "system": puppet(),
    }
    return cell(root, wirings, text)


def snapshot(here: Cell) -> SettingsSnapshot:
    body = here.processes["session"].endpoint.latest(SETTINGS_VALUES).body
    assert body is not None
    return body


def a_set(here: Cell, wishes: dict[str, str], **fields: Any) -> Answered:
    entries = tuple(Entry(key=key, value=value) for key, value in wishes.items())
    return send(here, ChangeSetRequest(**{**id_and_end(here, "session"), "entries": entries, **fields}))


def send(here: Cell, request: ChangeSetRequest) -> Answered:
    return ask(here, "session", SETTINGS_CHANGE_SET, request)


def change(here: Cell, key: str, value: str, **fields: Any) -> Answered:
    request = ChangeSettingRequest(**{**id_and_end(here, "session"), "key": key, "value": value, **fields})
    return ask(here, "session", SETTINGS_CHANGE, request)


def lists(answered: Answered) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in answered.values.items()}


def history(here: Cell, **fields: Any) -> Answered:
    return ask(here, "session", SETTINGS_HISTORY, HistoryRequest(**{**id_and_end(here, "session"), **fields}))


def start_again(here: Cell) -> None:
    here.kill("settings")
    here.start("settings")
    here.settle()


def power_cut(here: Cell) -> None:
    for owner in list(here.processes):
        here.kill(owner)
    here.power_up()
    here.settle()


def test_a_set_is_done_as_one_change_with_one_revision(tmp_path: Path) -> None:
    here = station(tmp_path)
    before = snapshot(here).revision
    told = a_set(here, {"FreeCharging": "on", "ConnectionTimeOut": "90", "Type2PlugLifetime[2]": "5000"}, actor="anna")
    assert told.outcome is Answer.REBOOT_REQUIRED
    assert lists(told)["changed"] == ["FreeCharging", "ConnectionTimeOut", "Type2PlugLifetime[2]"]
    assert "ConnectionTimeOut" in lists(told)["reboot"]
    assert "FreeCharging" not in lists(told)["reboot"]
    assert snapshot(here).revision == before + 1
    assert snapshot(here).values["FreeCharging"] == "true"
    power_cut(here)
    assert snapshot(here).values["ConnectionTimeOut"] == "90"
    assert snapshot(here).values["Type2PlugLifetime[2]"] == "5000"


def test_what_waits_together_waits_across_a_restart_and_is_there_after_a_reboot(tmp_path: Path) -> None:
    here = station(tmp_path)
    a_set(here, {"HardwareCurrentLimit": "16", "OperatorCurrentLimit": "12"})
    power_cut(here)
    told = a_set(here, {"HardwareCurrentLimit": "32", "OperatorCurrentLimit": "20"})
    assert set(lists(told)["reboot"]) == {"HardwareCurrentLimit", "OperatorCurrentLimit"}
    for _ in range(2):
        assert snapshot(here).values["OperatorCurrentLimit"] == "12"
        assert set(snapshot(here).pending_reboot) == {"HardwareCurrentLimit", "OperatorCurrentLimit"}
        start_again(here)
    power_cut(here)
    assert snapshot(here).values["OperatorCurrentLimit"] == "20"


def test_a_refused_set_changes_nothing_and_says_of_each_entry_why(tmp_path: Path) -> None:
    here = station(tmp_path)
    before = snapshot(here)
    told = a_set(here, {"FreeCharging": "on", "OperatorCurrentLimit": "99", "Nonsense": "1"})
    assert told.outcome is Answer.REJECTED
    assert [(each["key"], each["outcome"]) for each in lists(told)["refused"]] == [
        ("OperatorCurrentLimit", "rejected"),
        ("Nonsense", "not_supported"),
    ]
    assert snapshot(here) == before
    assert json.loads(history(here).values["entries"]) == []


def test_a_check_answers_like_the_change_and_changes_nothing(tmp_path: Path) -> None:
    here = station(tmp_path)
    before = snapshot(here)
    told = a_set(here, {"ConnectionTimeOut": "90"}, check_only=True)
    assert (told.outcome, lists(told)["reboot"]) == (Answer.REBOOT_REQUIRED, ["ConnectionTimeOut"])
    assert snapshot(here) == before
    start_again(here)
    assert snapshot(here).values == before.values


def test_two_writers_at_once_leave_no_set_that_does_not_fit_together(tmp_path: Path) -> None:
    """Each wish fits alone; both are on their way before either is answered."""
    lower = {"InstallationCurrentLimit": "10", "OperatorCurrentLimit": "10"}
    for turn, (first, second) in enumerate(
        ((lower, {"OperatorCurrentLimit": "20"}), ({"OperatorCurrentLimit": "20"}, lower))
    ):
        here = station(tmp_path / str(turn))
        for actor, wishes in (("anna", first), ("bert", second)):
            entries = tuple(Entry(key=key, value=value) for key, value in wishes.items())
            request = ChangeSetRequest(**{**id_and_end(here, "session"), "entries": entries, "actor": actor})
            here.processes["session"].endpoint.request(SETTINGS_CHANGE_SET, request)
        here.settle()
        values = snapshot(here).values
        assert (values["InstallationCurrentLimit"], values["OperatorCurrentLimit"]) == ("10", "10")
        actors = {line["actor"] for line in lists(history(here))["entries"]}
        assert actors == ({"anna"} if turn == 0 else {"anna", "bert"})


def test_a_safety_relevant_key_of_a_set_waits_for_its_confirmation(tmp_path: Path) -> None:
    here = station(tmp_path)
    told = a_set(here, {"FreeCharging": "true", "CPDiodeDetection": "false"})
    assert told.outcome is Answer.REJECTED
    (refused,) = lists(told)["refused"]
    assert (refused["key"], refused["confirm"]) == ("CPDiodeDetection", KEYS["CPDiodeDetection"].confirm)
    checked = a_set(here, {"CPDiodeDetection": "false"}, check_only=True)
    assert "confirm" in lists(checked)["refused"][0]
    assert change(here, "CPDiodeDetection", "false").outcome is Answer.REJECTED
    assert snapshot(here).values["CPDiodeDetection"] == "true"
    assert a_set(here, {"CPDiodeDetection": "false"}, confirmed=True).outcome is Answer.ACCEPTED
    assert snapshot(here).values["CPDiodeDetection"] == "false"


def test_an_authorization_key_waits_where_the_address_does(tmp_path: Path) -> None:
    """The new backend's password does not go to the old one."""
    here = station(tmp_path)
    both = {"backend-host": "csms.example", "AuthorizationKey": "for-the-new-backend"}
    assert a_set(here, both).outcome is Answer.REBOOT_REQUIRED
    assert "HTTPBasicAuthPassword" in snapshot(here).pending_reboot
    assert lists(a_set(here, {"AuthorizationKey": "for-the-new-backend"}))["reboot"] == []
    start_again(here)
    assert "HTTPBasicAuthPassword" not in snapshot(here).pending_reboot


def test_a_repeated_set_is_answered_in_full_again_after_a_restart_and_not_done_again(tmp_path: Path) -> None:
    here = station(tmp_path)
    first = ChangeSetRequest(**id_and_end(here, "session"), entries=(Entry(key="FreeCharging", value="true"),))
    answer = send(here, first)
    change(here, "FreeCharging", "false")
    start_again(here)
    here.processes["session"].service.answers.clear()  # type: ignore[attr-defined]
    assert send(here, first) == answer
    assert snapshot(here).values["FreeCharging"] == "false"


def test_a_thousand_refusals_still_fit_into_an_answer(tmp_path: Path) -> None:
    here = station(tmp_path)
    told = a_set(here, {f"é{number}" + "x" * 50: "1" for number in range(1000)})
    assert told.outcome is Answer.REJECTED
    assert len(lists(told)["refused"]) + lists(told)["more_refused"] == 1000


def test_a_set_on_a_disk_that_takes_nothing_changes_nothing_at_all(tmp_path: Path) -> None:
    here = station(tmp_path)
    before = snapshot(here)
    lock = sqlite3.connect(here.home.data / "settings.db", isolation_level=None)
    service: Any = here.processes["settings"].service
    service._store._store._connection.execute("PRAGMA busy_timeout = 0")
    lock.execute("BEGIN IMMEDIATE")
    told = a_set(here, {"FreeCharging": "true", "RCDRESET": "true", "loglevel": "DBG"})
    assert told.outcome is Answer.REJECTED
    assert "nothing was changed" in told.reason
    assert lists(told)["changed"] == []
    assert snapshot(here) == before
    lock.execute("ROLLBACK")
    here.until(lambda: not here.last(FAULTS["settings"]).faults, within_s=6.0)
    start_again(here)
    assert snapshot(here).values == before.values
    assert snapshot(here).actions == {}


def test_a_file_that_is_half_written_when_the_power_goes_is_as_before(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.db")
    connection = store._store._connection  # type: ignore[union-attr]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO value VALUES (?, '1')", [(f"key{number}",) for number in range(500)])
    assert SettingsStore(tmp_path / "settings.db").load().values == {}


# actions


def test_an_action_is_ordered_once_and_stays_in_the_snapshot(tmp_path: Path) -> None:
    here = station(tmp_path)
    assert change(here, "SetType2PlugCycles[2]", "7").outcome is Answer.ACCEPTED
    order = snapshot(here).actions["SetType2PlugCycles[2]"]
    assert (order.name, order.value, order.connector) == ("SetType2PlugCycles", "7", 2)
    assert "SetType2PlugCycles[2]" not in snapshot(here).values
    start_again(here)
    assert snapshot(here).actions["SetType2PlugCycles[2]"] == order, "a restart of settings makes no new order of it"
    power_cut(here)
    assert snapshot(here).actions["SetType2PlugCycles[2]"].order_id == order.order_id
    assert snapshot(here).actions["SetType2PlugCycles[2]"].ordered_s == 0.0
    assert change(here, "settype2plugcycles[2]", "7").outcome is Answer.ACCEPTED
    assert snapshot(here).actions["SetType2PlugCycles[2]"].order_id != order.order_id


def test_a_consumer_acts_on_each_order_once_across_restarts_of_everybody(tmp_path: Path) -> None:
    here = station(tmp_path)
    acted: list[str] = []
    memory: dict[str, str] = {}

    def consumer_starts() -> None:
        now_s = here.clock.boot_s
        orders = Orders(("SetType2PlugCycles",), memory, now_s)
        acted.extend(order.value for order in orders.new(snapshot(here).actions, now_s))
        memory.update(orders.done)

    for value in ("1", "2"):
        change(here, "SetType2PlugCycles", value)
        consumer_starts()
        consumer_starts()
        start_again(here)
        consumer_starts()
        power_cut(here)
        consumer_starts()
    assert acted == ["1", "2"]


def test_the_order_of_a_secret_action_is_told_only_to_those_who_may_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = msgspec.structs.replace(KEYS["GeolocationUpdate"], secret=True, value_type=KeyType.STRING)
    monkeypatch.setitem(KEYS, secret.name, secret)
    monkeypatch.setitem(table._BY_LOWER_NAME, secret.name.lower(), secret)
    here = station(tmp_path)
    told = change(here, secret.name, "hunter2hunter2")
    assert told.outcome is Answer.ACCEPTED, told.reason
    assert secret.name not in snapshot(here).actions
    secrets = here.processes["session"].endpoint.latest(SETTINGS_SECRETS).body
    assert secrets is not None
    assert secrets.actions[secret.name].value == "hunter2hunter2"
    assert "hunter2" not in history(here).values["entries"]


# looking


def test_the_layers_of_a_key_are_explained(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "ConnectionTimeOut", "90")
    request = ExplainRequest(**id_and_end(here, "session"), keys=("connectiontimeout",))
    places = json.loads(ask(here, "session", SETTINGS_EXPLAIN, request).values["places"])
    assert places["ConnectionTimeOut"]["stored"] == "90"
    assert places["ConnectionTimeOut"]["in_force"] == "45"
    every = ask(here, "session", SETTINGS_EXPLAIN, ExplainRequest(**id_and_end(here, "session")))
    assert set(KEYS) <= set(json.loads(every.values["places"]))
    wrong = ExplainRequest(**id_and_end(here, "session"), keys=("Nonsense",))
    assert ask(here, "session", SETTINGS_EXPLAIN, wrong).outcome is Answer.NOT_SUPPORTED


def test_the_history_tells_who_changed_what_from_where_in_which_role_page_by_page(tmp_path: Path) -> None:
    here = station(tmp_path)
    for number in range(5):
        change(here, "OperatorCurrentLimit", str(10 + number), actor="anna", source="ui", role="installer")
    change(here, "SetType2PlugCycles[2]", "3", actor="backend", source="chargectl")
    change(here, "HTTPBasicAuthPassword", "sesame")
    first = history(here, key="operatorcurrentlimit", most=3)
    page = json.loads(first.values["entries"])
    assert [line["new"] for line in page] == ["14", "13", "12"]
    assert (page[0]["actor"], page[0]["source"], page[0]["role"]) == ("anna", "ui", "installer")
    assert first.values["more"] == "true"
    rest = history(here, key="OperatorCurrentLimit", before=page[-1]["number"], most=3)
    assert [line["new"] for line in json.loads(rest.values["entries"])] == ["11", "10"]
    assert rest.values["more"] == "false"
    assert [line["key"] for line in json.loads(history(here, key="SetType2PlugCycles").values["entries"])] == [
        "SetType2PlugCycles[2]"
    ]
    assert "sesame" not in history(here).values["entries"]
    assert history(here, key="Nonsense").outcome is Answer.NOT_SUPPORTED


def test_the_history_of_another_name_is_that_of_its_key(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "MessageTimeout", "30", actor="anna")
    a_set(here, {"backend-host": "csms.example"})
    for name, key in (("MessageTimeout", "BackendConnectionTimeout"), ("backend-host", "OCPPBackendJSONURL")):
        (line,) = lists(history(here, key=name))["entries"]
        assert line["key"] == key
    assert history(here, key="queue-size").outcome is Answer.NOT_SUPPORTED


def test_a_page_of_long_values_fits_into_an_answer(tmp_path: Path) -> None:
    here = station(tmp_path)
    long = ",".join(f"service{number:03}=DBG" for number in range(31))
    for number in range(40):
        change(here, "loglevelcomponents", long if number % 2 else "")
    read, before = 0, 0
    while True:
        told = history(here, before=before)
        page = json.loads(told.values["entries"])
        read, before = read + len(page), page[-1]["number"]
        if told.values["more"] == "false":
            break
    assert read == 40


# files of other versions


def test_an_older_file_is_brought_to_this_version_and_a_copy_is_kept(tmp_path: Path) -> None:
    old = Store(tmp_path / "settings.db", MIGRATIONS[:1])
    with old.commit() as connection:
        connection.execute("INSERT INTO value VALUES ('FreeCharging', 'true')")
        connection.execute("INSERT INTO audit VALUES (1, 5.0, 'FreeCharging', 'false', 'true', 'anna', 'cli')")
        connection.execute("INSERT INTO answer VALUES (1, 'r1', 'accepted', '', 99.0)")
    old.close()
    store = SettingsStore(tmp_path / "settings.db")
    kept = store.load()
    assert kept.values == {"FreeCharging": "true"}
    assert kept.answers[0][0].outcome is Answer.ACCEPTED
    assert store.audit()[0].role == ""
    assert (tmp_path / "settings.db.version-1").exists()


def test_rows_that_make_no_sense_are_left_out_and_the_others_count(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "FreeCharging", "true")
    change(here, "SetType2PlugCycles", "7")
    here.stop("settings")
    with sqlite3.connect(here.home.data / "settings.db") as connection:
        connection.execute("UPDATE answer SET details = 'not json', until_s = 'soon' WHERE number = 1")
        connection.execute("INSERT INTO action VALUES ('RCDRESET', '', 'RCDRESET', '1', 4000, -1.0, 'x')")
        connection.execute("INSERT INTO action VALUES ('Gone', 'id', 'GoneKey', '1', 0, 1.0, 'x')")
        connection.execute("UPDATE single SET text = 'many' WHERE name = 'revision'")
        connection.execute("INSERT INTO value VALUES ('OperatorCurrentLimit', x'ff00')")
    here.start("settings")
    here.settle()
    assert snapshot(here).values["FreeCharging"] == "true"
    assert snapshot(here).values["OperatorCurrentLimit"] == "32"
    assert set(snapshot(here).actions) == {"SetType2PlugCycles"}


def test_a_newer_file_is_refused_with_words(tmp_path: Path) -> None:
    Store(tmp_path / "settings.db", (*MIGRATIONS, "SELECT 1;")).close()
    with pytest.raises(NewerStore, match="update the software"):
        SettingsStore(tmp_path / "settings.db")


def test_get_configuration_of_everything_names_what_connectors_have_for_themselves(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "Type2PlugLifetime[2]", "5000", source="chargectl")
    power_cut(here)
    request = GetConfigurationRequest(**id_and_end(here, "session"))
    told = ask(here, "session", SETTINGS_GET_CONFIGURATION, request)
    names = [entry["key"] for entry in json.loads(told.values["configurationKey"])]
    assert "Type2PlugLifetime[2]" in names
    assert len(names) == len(set(names))
