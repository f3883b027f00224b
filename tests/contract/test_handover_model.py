"""The promise of the hand-over: exactly once up to the socket, in order, nothing lost, whatever is killed or lost.

An exhaustive search (`tests/handover_model.py`); three more searches show that it notices when a rule is missing.
"""

import pytest

from tests.handover_model import Broken, Model, Rules, explore

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    ("facts", "kills", "losses"),
    [
        pytest.param(1, 2, 1, id="one fact, two kills, one lost event"),
        pytest.param(2, 1, 1, id="two facts, one kill, one lost event"),
    ],
)
def test_every_fact_reaches_the_socket_once_and_its_answer_comes_back(
    facts: int, kills: int, losses: int, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = explore(Model(facts, kills, losses))
    with capsys.disabled():
        print(f"\nhand-over of {facts} facts, {kills} kills, {losses} lost: {explored.states} states")
    assert explored.done > 0
    assert explored.states > 10_000, "the model has lost most of its steps"


def test_without_a_kill_or_a_loss_nothing_is_sent_twice() -> None:
    model = Model(2, kills=0, losses=0)
    assert explore(model).done > 0


def test_without_contiguous_numbers_it_finds_facts_out_of_order() -> None:
    with pytest.raises(Broken, match="fact 2 is sent before fact 1"):
        explore(Model(2, kills=0, losses=1, rules=Rules(contiguous_numbers=False)))


def test_without_permanent_marks_it_finds_a_fact_that_is_sent_twice() -> None:
    with pytest.raises(Broken, match="fact 1 is sent as m1 and as m2"):
        explore(Model(1, kills=0, losses=1, rules=Rules(permanent_marks=False)))


def test_without_remembered_outcomes_it_finds_a_needless_repeat() -> None:
    with pytest.raises(Broken, match="fact 1 is sent again although neither link nor connection died"):
        explore(Model(1, kills=0, losses=1, rules=Rules(remembered_outcomes=False)))


def test_a_way_that_always_loses_is_found_to_end_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for dead ends can fail, too: here the queue never hears the link."""
    monkeypatch.setattr(Model, "_queue_hears_link", lambda _self, state, _report: state)
    with pytest.raises(Broken, match="the end cannot be reached any more"):
        explore(Model(1, kills=0, losses=0))
