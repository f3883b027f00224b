"""Names of inputs, outputs and sensors in the station file: the wrong ones are named with their line."""

import pytest

from services.home import BadStationFile, parse_station

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[equipment]\noutputs = ["auxiliry"]', "line 2: unknown name 'auxiliry' in outputs; did you mean 'auxiliary'"),
        ('[equipment]\n\ntemperatures = ["cpuu"]', "line 3: unknown name 'cpuu' in temperatures; did you mean 'cpu'"),
        ('[equipment.inputs]\nrcdd = "normally open"', "line 2: unknown name 'rcdd' in inputs; did you mean 'rcd'"),
        ('[equipment]\ninputs = { xyz = "normally open" }', "line 2: unknown name 'xyz' in inputs; known here: rcd"),
        ('[equipment]\ntemperatures = ["cpu", "cpu"]', "line 2: 'cpu' stands twice in temperatures"),
        ('[equipment.inputs]\n"rcd.2" = "normally open"', "unknown name 'rcd.2' in inputs; did you mean 'rcd'"),
        ('[equipment.inputs]\nrcd = "open"', "rcd|inputs"),
        ("[equipment]\nfann = true", "line 2: unknown name 'fann'; did you mean 'fan'"),
    ],
)
def test_a_wrong_name_is_told_with_its_line_and_the_nearest_right_one(text: str, words: str) -> None:
    with pytest.raises(BadStationFile, match=words):
        parse_station(text)


def test_a_second_connector_has_inputs_and_sensors_of_its_own_and_no_second_housing() -> None:
    two = "[connector.1]\n[connector.2]\n"
    station = parse_station(
        f'{two}[equipment]\ninputs = {{ rcd = "normally open", "rcd.2" = "normally closed" }}\n'
        'temperatures = ["housing", "plug_1.2"]'
    )
    assert station.equipment.inputs == {"rcd": "normally open", "rcd.2": "normally closed"}
    with pytest.raises(BadStationFile, match=r"unknown name 'tamper\.2'"):
        parse_station(f'{two}[equipment.inputs]\n"tamper.2" = "normally open"')
    with pytest.raises(BadStationFile, match=r"unknown name 'housing\.2'"):
        parse_station(f'{two}[equipment]\ntemperatures = ["housing.2"]')
