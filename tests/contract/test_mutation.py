"""The tests of the safety core notice when it is broken (`tests/mutation.py`); what they do not is explained."""

import pytest

from tests.mutation import PLACES, ROOT, SEED, WANTED, chosen, every_site, files_of, modules, reasons, report, run

pytestmark = pytest.mark.contract


def test_every_broken_module_has_tests_and_every_place_can_be_named_by_its_change() -> None:
    for path in modules():
        assert all((ROOT / file).is_file() for file in files_of(path.as_posix()))
    every = every_site()
    assert len({site.name for site in every}) == len(every)
    assert {site.kind for site in every} == {"comparison", "constant", "condition", "return"}


def test_the_same_seed_breaks_the_same_places() -> None:
    names = [site.name for site in chosen(50, SEED)]
    assert names == [site.name for site in chosen(50, SEED)]
    assert names != [site.name for site in chosen(50, SEED + 1)]


def test_every_reason_is_for_a_place_that_exists() -> None:
    names = {site.name for site in every_site()}
    assert not set(reasons()) - names, "the code has changed: is the reason still true?"


@pytest.mark.long
def test_the_tests_notice_95_percent_of_the_places_and_the_others_are_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        share, unexplained = report(run(chosen(PLACES, SEED)))
    assert not unexplained, [site.name for site in unexplained]
    assert share >= WANTED
