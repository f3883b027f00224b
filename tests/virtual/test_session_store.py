"""The journal on a real file: one commit or nothing, one open transaction per connector, one stream per store."""

from dataclasses import replace
from pathlib import Path

import pytest

from bus.clock import Now
from schemas.session import StopReason
from services.session.authorization.flow import Pending
from services.session.store import RETRY_S, SessionStore, opener
from services.session.transactions import rules
from services.session.transactions.record import Plug, Stop
from services.store import StoreError
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
