"""A second contactor in series, shared by several connectors: the contacts of one weld, and nobody keeps power."""

import pytest

from hardware.interfaces import PilotMode
from services.safety.panel.outputs import RELAY_2, Wish, wanted, welded
from services.safety.settings import SafetySettings
from services.safety.state import SAFE, ConnectorState, Equipment, Outputs
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

SERIES = SOCKET._replace(outputs=frozenset({"auxiliary", "relay_2"}))
IN_SERIES = RATED_32_A._replace(relay_2_pattern="On while charging")
LAMP = RATED_32_A._replace(relay_2_pattern="On while vehicle connected")
CHARGES = SAFE._replace(coil=True, series=True)


def wish(number: int, keys: SafetySettings, outputs: Outputs, lockout: str = "", outlet: bool = False) -> Wish:
    state = ConnectorState(SERIES._replace(connector=number, outlet=outlet), 1000.0, settings=keys)
    state.vehicle_connected = True
    state.memory.lockout = lockout
    return Wish(state, outputs)


def charging(equipment: Equipment = SERIES, keys: SafetySettings = IN_SERIES) -> Rig:
    rig = Rig(equipment=equipment, settings=keys)
    rig.charge()
    rig.run(2.0)
    assert rig.coil
    return rig


@pytest.mark.parametrize("lockout", ["", "journal_unreadable", "contactor_welded"])
@pytest.mark.parametrize("first", [True, False])
def test_the_second_contactor_opens_when_the_contacts_of_any_connector_are_welded(lockout: str, first: bool) -> None:
    locked, other = wish(1, IN_SERIES, SAFE, lockout), wish(2, IN_SERIES, CHARGES)
    wishes = [locked, other] if first else [other, locked]
    is_welded = lockout == "contactor_welded"
    assert welded(wishes) == ((1,) if is_welded else ())
    assert wanted([RELAY_2], wishes, {}) == {RELAY_2: not is_welded}


def test_a_lamp_goes_on_showing_a_vehicle_beside_welded_contacts() -> None:
    assert wanted([RELAY_2], [wish(1, LAMP, SAFE, "contactor_welded")], {})[RELAY_2]


def test_a_domestic_socket_is_no_vehicle_that_is_connected() -> None:
    socket, connector = wish(2, LAMP, SAFE, outlet=True), wish(1, LAMP, SAFE)
    assert not wanted([RELAY_2], [socket], {})[RELAY_2]
    assert wanted([RELAY_2], [socket, connector], {})[RELAY_2]
    connector.state.vehicle_connected = False
    assert not wanted([RELAY_2], [socket, connector], {})[RELAY_2]


def test_another_connector_opens_in_the_step_that_learns_of_the_weld_and_says_why() -> None:
    rig = charging()
    rig.world.welded_elsewhere = (3,)
    rig.sample()
    rig.step()
    assert (rig.coil, rig.outputs.mode) == (False, PilotMode.X1)
    assert "the contactor of connector 3 is welded" in rig.shown.reason
    assert rig.shown.faults == ()
    rig.run(1.0)
    assert not rig.outputs.series
    rig.run(60.0)
    assert rig.count("coil_on") == 1
    replay(rig)


def test_the_second_contactor_is_not_wanted_while_another_connector_is_welded() -> None:
    rig = Rig(equipment=SERIES, settings=IN_SERIES)
    rig.world.welded_elsewhere = (3,)
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.run(10.0)
    rig.vehicle("C")
    rig.run(10.0)
    assert not any(record.outputs.series or record.outputs.coil for record in rig.history)
    rig.world.welded_elsewhere = ()
    rig.until(lambda: rig.coil, 10.0)


@pytest.mark.parametrize(
    ("keys", "equipment", "elsewhere"),
    [(RATED_32_A, SERIES, (3,)), (IN_SERIES, SOCKET, (3,)), (IN_SERIES, SERIES, (1,))],
)
def test_a_weld_elsewhere_stops_nobody_who_has_no_second_contactor(
    keys: SafetySettings, equipment: Equipment, elsewhere: tuple[int, ...]
) -> None:
    """Its own weld is a fault of its own."""
    rig = charging(equipment, keys)
    rig.world.welded_elsewhere = elsewhere
    rig.run(2.0)
    assert rig.coil
