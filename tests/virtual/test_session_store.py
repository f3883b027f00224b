"""The journal on a real file: one commit or nothing, one open transaction per connector, one stream per store."""

from dataclasses import replace
from pathlib import Path

import pytest

from bus.clock import Now
from bus.streams import Mark
from schemas.message_queue import AuthorizationStatus, IdTagInfo
from schemas.session import MeterSample, SampledValue, StopReason
from services.opening import RETRY_S
from services.session.authorization.cache import Entry
from services.session.authorization.flow import Pending
from services.session.availability.rules import Closed
from services.session.store import MIGRATIONS, Learned, SessionStore, opener
from services.session.transactions import rules
from services.session.transactions.record import Plug, Stop
from services.session.transactions.stream import pack
from services.store import Store, StoreError
from tests.unit.test_session_rules import TRANSACTION

pytestmark = pytest.mark.virtual

NOW = Now(100.0, 2000.0)
LATER = Now(100.0 + RETRY_S, 2001.0)


def opened(path: Path, start_id: str = "start", stream_id: str = "stream") -> SessionStore:
    store = SessionStore(opener(path), start_id, lambda: stream_id)
    assert store.open(NOW)
    return store


def test_a_second_open_transaction_on_a_connector_is_refused_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "session.db")
    store.commit(NOW, transaction=TRANSACTION, fact=rules.started_fact(TRANSACTION))
    second = replace(TRANSACTION, transaction_id="second")
    with pytest.raises(StoreError):
        store.commit(
            NOW, transaction=second, fact=rules.started_fact(second), pending=(Pending("a", (1,), 0, "start"),)
        )
    assert store.all_transactions() == [TRANSACTION]
    assert [fact.number for fact in store.waiting_facts(10)] == [1]
    assert store.pending == ()
    assert store.trouble
    elsewhere = replace(second, connector=2)
    fact = store.commit(LATER, transaction=elsewhere, fact=rules.started_fact(elsewhere))
    assert fact is not None
    assert (fact.number, store.trouble) == (2, "")


def test_everything_is_read_back_as_it_was_stored(tmp_path: Path) -> None:
    store = opened(tmp_path / "session.db")
    pending = (Pending("a", (1, 2), 50.0, "start"), Pending("b", (2,), 0.0, "start", Plug("run", 4)))
    stopping = replace(TRANSACTION, stop=Stop(StopReason.LOCAL, 1050.0, "CARD"), holds_cable=True)
    store.commit(NOW, transaction=stopping, fact=rules.started_fact(stopping), pending=pending)
    store.close()
    again = opened(tmp_path / "session.db", stream_id="another")
    assert again.transactions == {1: stopping}
    assert again.pending == pending
    assert (again.stream.stream_id, again.stream.last, again.stream.waiting) == ("stream", 1, 1)


def test_acknowledged_facts_are_gone_for_good_and_their_numbers_too(tmp_path: Path) -> None:
    store = opened(tmp_path / "session.db")
    for _ in range(3):
        store.commit(NOW, transaction=TRANSACTION, fact=rules.started_fact(TRANSACTION))
    store.acknowledge(2, NOW)
    store.close()
    again = opened(tmp_path / "session.db")
    assert ([fact.number for fact in again.waiting_facts(10)], again.stream.waiting) == ([3], 1)
    again.acknowledge(7, NOW)
    again.close()
    beyond = opened(tmp_path / "session.db")
    assert (beyond.stream.waiting, beyond.stream.last) == (0, 7)
    fact = beyond.commit(NOW, transaction=TRANSACTION, fact=rules.started_fact(TRANSACTION))
    assert fact is not None
    assert (fact.number, fact.lowest_unacknowledged) == (8, 8)


def test_everything_for_the_backend_is_read_back_as_it_was_stored(tmp_path: Path) -> None:
    store = opened(tmp_path / "session.db")
    known = replace(TRANSACTION, backend_id=-4, parent_id_tag="P", invalid=True, grid_s=12.5)
    sample = MeterSample(sampled_wall_s=5.0, values=(SampledValue(value="1"),))
    pending = (Pending("a", (1,), 0.0, "start", parent_id_tag="P", asking=True),)
    info = IdTagInfo(status=AuthorizationStatus.BLOCKED, expiry_wall_s=9.0, parent_id_tag="P")
    closures = {0: Closed(), 1: Closed(("t",))}
    mark = Mark("answers", 3)
    store.commit(
        NOW,
        transaction=known,
        sample=sample,
        pending=pending,
        learned=Learned("TAG", info),
        closures=closures,
        mark=mark,
    )
    store.close()
    again = opened(tmp_path / "session.db")
    assert again.transactions == {1: known}
    assert again.transaction("t") == known
    assert again.samples_of("t") == (sample,)
    assert (again.pending, again.closures, again.marks) == (pending, closures, {"answers": mark})
    assert again.cached("tag") == Entry("tag", AuthorizationStatus.BLOCKED, 9.0, "P", 1)
    again.commit(NOW, forget_cache=True)
    assert again.cached("tag") is None


def test_a_store_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    old = Store(path, MIGRATIONS[:1])
    with old.commit() as connection:
        connection.execute("INSERT INTO stream VALUES ('stream', 1)")
        connection.execute("INSERT INTO facts VALUES (1, ?)", (pack(rules.started_fact(TRANSACTION)),))
        names = "transaction_id connector id_tag free started_wall_s meter_start_wh meter_serial start_id plug_run"
        more = "plug_number register_wh sampled_s alive_s alive_wall_s limit_a meter_stop_measured holds_cable departed"
        values = ("t", 1, "CARD", 0, 1000.0, 500, "M", "start", "run", 2, 600, 30.0, 30.0, 1030.0, 16.0, 0, 0, 0)
        columns = ", ".join((names + " " + more).split())
        connection.execute(f"INSERT INTO transactions ({columns}) VALUES ({', '.join('?' * len(values))})", values)
    old.close()
    store = opened(path)
    assert store.transactions == {1: TRANSACTION}
    assert (store.stream.waiting, store.closures, store.pending) == (1, {}, ())


def test_after_a_new_start_only_open_transactions_still_matter(tmp_path: Path) -> None:
    store = opened(tmp_path / "session.db")
    ended = replace(TRANSACTION, stop=Stop(StopReason.LOCAL, 1050.0), meter_stop_wh=700, meter_stop_measured=True)
    store.commit(NOW, transaction=ended, pending=(Pending("a", (1,), 0.0, "start"),))
    other = replace(TRANSACTION, transaction_id="open", connector=2)
    store.commit(NOW, transaction=other)
    store.close()
    again = opened(tmp_path / "session.db", start_id="next")
    assert again.transactions == {2: other}
    assert again.pending == ()


def test_a_replaced_store_is_a_new_stream_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    opened(path).close()
    path.write_bytes(b"this is not a database, and never was one" * 50)
    store = opened(path, stream_id="fresh")
    assert (store.stream.stream_id, store.replaced) == ("fresh", "session.db.unreadable-1")
