"""What settings say of what is mounted, told apart from what may change behind welded contacts."""

import pytest

from services.safety.equipment import in_force
from services.safety.settings import FIELDS, OF_MOUNTING, as_mounted, parsed
from services.settings.table import KEYS
from tests.safety_rig import SOCKET

pytestmark = pytest.mark.unit

DELIVERED = {name: KEYS[name].default for name in FIELDS}


def values_of(name: str) -> tuple[str, ...]:
    key = KEYS[name]
    low, high = (str(round(end)) for end in (key.min or 0, key.max or 0))
    return key.values or ("true", "false", low, high)


@pytest.mark.parametrize("name", sorted(set(FIELDS) - OF_MOUNTING))
def test_a_key_that_says_nothing_of_what_is_mounted_leaves_it_as_it_is(name: str) -> None:
    before = in_force(SOCKET, parsed(DELIVERED))
    for text in values_of(name):
        assert in_force(SOCKET, parsed({**DELIVERED, name: text})) == before


@pytest.mark.parametrize("name", sorted(OF_MOUNTING))
def test_what_is_mounted_stays_as_it_was_and_the_rest_is_new(name: str) -> None:
    for text in values_of(name):
        heard = {**DELIVERED, name: text, "WeldCheckAuxRelay": "true"}
        assert as_mounted(heard, DELIVERED) == {**DELIVERED, "WeldCheckAuxRelay": "true"}
        assert as_mounted(DELIVERED, heard)[name] == text
