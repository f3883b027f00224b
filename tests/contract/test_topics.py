"""The table of everything that is said on the bus, and the page made from it."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from bus import topics
from bus.describe import PAGE, page
from bus.envelope import address, subscription
from bus.topics import ANSWERED, FAULTS, HEARTBEATS, NOTICES, OWNERS, TOPICS, WITHDRAWN, Kind, Topic
from schemas.base import Message, Request, Withdrawn
from schemas.units import BootSeconds

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
EVERY = [pytest.param(topic, id=topic.name) for topic in TOPICS.values()]
REQUESTS = [topic for topic in TOPICS.values() if topic.kind is Kind.REQUEST]


def test_every_topic_has_a_name_of_its_own() -> None:
    named = [value for value in vars(topics).values() if isinstance(value, Topic)]
    families = [topic for family in (HEARTBEATS, ANSWERED, WITHDRAWN, FAULTS, NOTICES) for topic in family.values()]
    names = [topic.name for topic in (*named, *families)]
    assert sorted(names) == sorted(set(names))
    assert sorted(names) == sorted(TOPICS)


@pytest.mark.parametrize("topic", EVERY)
def test_a_topic_is_named_after_its_one_owner(topic: Topic[Any]) -> None:
    assert topic.owner in OWNERS
    owner, dot, rest = topic.name.partition(".")
    assert (owner, dot) == (topic.owner, ".")
    assert rest
    assert rest.replace("_", "a").isalpha()
    assert rest == rest.lower()


@pytest.mark.parametrize("topic", EVERY)
def test_a_body_stands_in_its_owners_file_or_in_the_common_one(topic: Topic[Any]) -> None:
    assert issubclass(topic.body, Message)
    assert topic.body.__module__ in (f"schemas.{topic.owner}", "schemas.base")


@pytest.mark.parametrize("topic", EVERY)
def test_a_topic_says_what_it_is_about(topic: Topic[Any]) -> None:
    assert topic.about
    assert "|" not in topic.about
    assert "\n" not in topic.about


@pytest.mark.parametrize("topic", EVERY)
def test_the_marks_of_a_topic_fit_its_kind(topic: Topic[Any]) -> None:
    if topic.kind is Kind.REQUEST:
        assert issubclass(topic.body, Request | Withdrawn)
        assert (topic.key, topic.retained) == ("", False)
    else:
        assert not issubclass(topic.body, Request | Withdrawn)
    if topic.kind in (Kind.STATE, Kind.LEASE):
        assert topic.retained, "who appears later would never know"
    if topic.kind is Kind.EVENT:
        assert not topic.retained, "it would happen again"
    if topic.silence_s is not None:
        assert topic.kind is Kind.STATE
        assert topic.silence_s > 0.0
    if topic.secret:
        assert not topic.recorded


@pytest.mark.parametrize("topic", [each for each in TOPICS.values() if each.kind is Kind.LEASE])
def test_a_lease_carries_its_end(topic: Topic[Any]) -> None:
    info = inspect.type_info(topic.body)
    assert isinstance(info, inspect.StructType)
    ends = [field for field in info.fields if field.name == "until_s"]
    assert [field.type for field in ends] == [inspect.type_info(BootSeconds)]
    assert all(field.required for field in ends), "a lease without its end would be one for ever"


def test_no_subscription_takes_in_another_topic() -> None:
    """Subscriptions match by prefix: `a.b` must not bring `a.bc`."""
    for one, other in itertools.permutations(TOPICS.values(), 2):
        said = address(other, "1" if other.key else "") + b"\0"
        assert not said.startswith(subscription(one)), f"{one.name} brings {other.name}"


def test_every_owner_with_requests_answers_and_takes_withdrawals() -> None:
    for topic in REQUESTS:
        assert topic.owner in ANSWERED
        assert topic.owner in WITHDRAWN


@pytest.mark.parametrize("owner", OWNERS)
def test_every_owner_is_a_service_with_its_rooms(owner: str) -> None:
    folder = ROOT / "services" / owner
    missing = [
        name for name in ("__init__.py", "__main__.py", "station.py", "README.md") if not (folder / name).is_file()
    ]
    assert missing == []
    assert owner in HEARTBEATS


def test_every_service_is_an_owner() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}
    assert folders == set(OWNERS)


def test_the_page_of_topics_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "renew it: python -m bus.describe"


def test_the_page_names_every_topic_with_its_owner() -> None:
    text = page()
    for topic in TOPICS.values():
        section = text.partition(f"\n## {topic.owner}\n")[2].partition("\n## ")[0]
        assert f"| `{topic.name}` |" in section
