"""Configuration keys as `session` reads them."""

import pytest

from schemas.settings import SettingsSnapshot
from services.session.keys import ENERGY, Keys, read_keys

pytestmark = pytest.mark.unit


def keys(**values: str) -> Keys:
    return read_keys(SettingsSnapshot(revision=7, values=values))


def test_missing_keys_have_their_factory_values() -> None:
    assert keys() == Keys(7, False, "FREE", True, True, 45.0, False, None)
    assert Keys(7, False, "FREE", True, True, 45.0, False, None)[8:] == (
        False,
        30.0,
        True,
        False,
        True,
        False,
        False,
        True,
        True,
        False,
        0.0,
        (ENERGY,),
        (ENERGY,),
        None,
        False,
        False,
        (),
    )


def test_a_connector_without_a_limit_of_its_own_has_that_of_the_station() -> None:
    read = keys(**{"OperatorCurrentLimit": "20", "OperatorCurrentLimit[2]": "10", "OperatorCurrentLimit[3]": "much"})
    assert [read.operator_a(connector) for connector in (1, 2, 3, 4)] == [20.0, 10.0, 20.0, 20.0]
    assert keys(**{"OperatorCurrentLimit[2]": "0"}).operator_a(2) == 0.0
    assert keys().operator_a(2) is None


@pytest.mark.parametrize(
    ("kind", "url", "backend"),
    [
        ("Ethernet", "ws://b/", True),
        ("", "ws://b/", True),
        ("no backend", "ws://b/", False),
        ("Ethernet", "", False),
        ("Ethernet", "  ", False),
    ],
)
def test_there_is_a_backend_when_it_has_an_address_and_a_way_to_it(kind: str, url: str, backend: bool) -> None:
    assert keys(ConnectionType=kind, OCPPBackendJSONURL=url).backend is backend


@pytest.mark.parametrize(("word", "seconds"), [("60", 30.0), ("12", 12.0), ("0", 1.0), ("x", 30.0)])
def test_nobody_waits_longer_than_30_s_for_the_backend(word: str, seconds: float) -> None:
    assert keys(BackendConnectionTimeout=word).authorize_s == seconds


def test_lists_of_measurands_keep_their_order_and_an_empty_one_means_two_things() -> None:
    assert keys(MeterValuesSampledData=" Voltage , Voltage.L1,,Voltage").sampled_data == ("Voltage", "Voltage.L1")
    assert keys(MeterValuesSampledData="").sampled_data == (ENERGY,)
    assert keys(StopTxnSampledData="").stop_sampled_data == ()


@pytest.mark.parametrize(
    ("word", "expected"), [("true", True), ("On", True), ("1", True), ("FALSE", False), ("0", False)]
)
def test_switches_in_every_spelling(word: str, expected: bool) -> None:
    assert keys(FreeCharging=word).free_charging is expected


@pytest.mark.parametrize("word", ["", "nan", "-1", "inf", "much"])
def test_an_unreadable_number_is_the_factory_value(word: str) -> None:
    read = keys(ConnectionTimeOut=word, OperatorCurrentLimit=word)
    assert (read.connection_time_out_s, read.operator_limit_a) == (45.0, None)


@pytest.mark.parametrize(("tag", "expected"), [("freecharging", "freecharging"), ("x" * 21, "FREE"), ("  ", "FREE")])
def test_the_id_tag_of_free_charging_fits_into_20_characters(tag: str, expected: str) -> None:
    assert keys(RfidTagFreeCharging=tag).free_id_tag == expected


@pytest.mark.parametrize(
    ("word", "unknown", "plugging"),
    [
        ("Off", False, False),
        ("On", True, False),
        ("ImmediatelyWhenPlugged", True, True),
        ("immediatelywhenplugged", True, True),
        ("", False, False),
    ],
)
def test_what_an_outage_allows(word: str, unknown: bool, plugging: bool) -> None:
    read = keys(AllowOfflineTxForUnknownId=word)
    assert (read.unknown_offline, read.open_offline) == (unknown, plugging)
