"""The same search with more of everything: minutes."""

import pytest

from tests.handover_model import Model, explore

pytestmark = [pytest.mark.contract, pytest.mark.long]


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(Model(2, kills=2, losses=0), id="two facts, two kills"),
        pytest.param(Model(1, kills=1, losses=1, room=2), id="two frames on each way"),
    ],
)
def test_every_fact_reaches_the_socket_once_and_its_answer_comes_back(
    model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = explore(model)
    with capsys.disabled():
        print(f"\nhand-over: {explored.states} states, {explored.steps} steps")
    assert explored.done > 0
