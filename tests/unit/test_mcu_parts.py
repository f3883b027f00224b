"""What the driver of the serial link makes of readings: units, names of several connectors, and what is not there."""

import math

import msgspec
import pytest

from hardware.interfaces import LockDrive, PilotMode
from hardware.linux.sysfs import Sysfs
from hardware.mcu import messages
from hardware.mcu.fitted import missing
from hardware.mcu.messages import (
    Ability,
    ConnectorReading,
    DriveConnector,
    Identity,
    IdentityConnector,
    StationConnector,
    StationReading,
    Switch,
    Valid,
)
from hardware.mcu.panel import McuPanel
from hardware.mcu.parts import McuConnector, celsius
from schemas.board import LinuxSection
from schemas.station import ConnectorSection, EquipmentSection, Station

pytestmark = pytest.mark.unit

STATION = Station(
    connector={"1": ConnectorSection(output_sense=True), "2": ConnectorSection(cable="fixed", mirror_contact=False)},
    equipment=EquipmentSection(
        inputs={"rcd": "normally open", "rcd.2": "normally open", "tilt": "normally open"},
        outputs=("auxiliary", "ventilation"),
        temperatures=("housing", "plug_1", "plug_2.2", "cpu"),
        fan=True,
    ),
    linux=LinuxSection(temperatures={"cpu": "thermal:cpu"}),
)
NOTHING = ConnectorReading(1, *(0,) * (len(ConnectorReading._fields) - 1))
EVERYTHING = sum(Valid)


def stamp(mcu_us: int) -> float:
    return mcu_us / 1e6


def connector(**mounted: bool) -> McuConnector:
    every = {"proximity": True, "lock": True, "residual": True, "output_sense": True}
    return McuConnector(**{**every, **mounted})


def test_readings_arrive_in_units_with_their_own_stamps() -> None:
    one = connector()
    read = NOTHING._replace(
        valid=EVERYTHING,
        pilot_us=1_000_000,
        high_mv=5990,
        low_mv=-12_000,
        duty=2667,
        frequency_hz=1000,
        switches_us=2_000_000,
        switches=Switch.MIRROR | Switch.LOCKED | Switch.RMS_TRIPPED,
        proximity_us=3_000_000,
        proximity_ohm=680,
        residual_us=4_000_000,
        dc_100ua=59,
        rms_100ua=301,
        voltages_us=5_000_000,
        l1_100mv=2301,
        l2_100mv=0,
        l3_100mv=2299,
    )
    one.take(read, stamp)
    assert one.pilot.levels() == (5.99, -12.0, 0.2667, 1000.0, 1.0)
    assert one.contactor.mirror() == (True, 2.0)
    assert one.contactor.phase_relay() == (False, 2.0)
    assert one.proximity is not None
    assert one.proximity.resistance() == (680.0, 3.0)
    assert one.lock is not None
    assert (one.lock.feedback(), one.lock.release_energy()) == ((True, 2.0), (False, 2.0))
    assert one.residual is not None
    assert one.residual.status() == (5.9, 30.1, False, True, False, 4.0)
    assert one.output_sense is not None
    assert one.output_sense.voltages() == (230.1, 0.0, 229.9, 5.0)


def test_what_is_not_valid_leaves_the_last_value_with_its_old_stamp() -> None:
    one = connector()
    one.take(NOTHING, stamp)
    assert one.pilot.levels() is None
    assert one.contactor.mirror() is None
    one.take(NOTHING._replace(valid=EVERYTHING, pilot_us=1_000_000, switches_us=1_000_000), stamp)
    one.take(NOTHING._replace(valid=0, pilot_us=9_000_000, switches_us=9_000_000, high_mv=12_000), stamp)
    levels, mirror = one.pilot.levels(), one.contactor.mirror()
    assert levels is not None
    assert mirror is not None
    assert (levels.high_v, levels.sampled_s, mirror.sampled_s) == (0.0, 1.0, 1.0)


def test_what_cannot_be_measured_is_not_a_number_and_an_open_contact_is_infinite() -> None:
    one = connector()
    read = NOTHING._replace(
        valid=EVERYTHING,
        high_mv=messages.UNREADABLE,
        proximity_ohm=messages.OPEN_OHM,
        dc_100ua=messages.NOT_FITTED,
        rms_100ua=messages.UNREADABLE,
    )
    one.take(read, stamp)
    levels = one.pilot.levels()
    assert levels is not None
    assert math.isnan(levels.high_v)
    assert one.proximity is not None
    assert one.proximity.latest is not None
    assert one.proximity.latest.ohm == math.inf
    assert one.residual is not None
    assert one.residual.latest is not None
    assert math.isnan(one.residual.latest.dc_ma)
    assert math.isnan(one.residual.latest.rms_ma)
    assert math.isnan(celsius(messages.UNREADABLE))
    assert celsius(-125) == -12.5


def test_what_is_not_mounted_takes_nothing_and_drives_nothing() -> None:
    bare = connector(proximity=False, lock=False, residual=False, output_sense=False)
    bare.take(NOTHING._replace(valid=EVERYTHING), stamp)
    assert (bare.proximity, bare.lock, bare.residual, bare.output_sense) == (None, None, None, None)
    assert bare.driven() == DriveConnector()


def test_everything_that_is_driven_is_in_the_vector_and_a_loss_makes_it_safe() -> None:
    one = connector()
    one.pilot.drive(PilotMode.PWM, 0.26667)
    one.pilot.sample_every(0.02)
    one.contactor.command(True)
    one.contactor.select_phases(3)
    assert one.lock is not None
    one.lock.drive(LockDrive.LOCK)
    assert one.residual is not None
    one.residual.test(True)
    assert one.driven() == DriveConnector(messages.PWM, 2666, 1, messages.LOCK, 1, 2, 20)
    one.lost()
    assert one.driven() == DriveConnector(sample_ms=20)


@pytest.mark.parametrize(("period_s", "sample_ms"), [(0.0001, 5), (0.2, 200), (3600.0, 10_000)])
def test_the_sampling_period_is_bounded(period_s: float, sample_ms: int) -> None:
    one = connector()
    one.pilot.sample_every(period_s)
    assert one.driven().sample_ms == sample_ms


def panel() -> McuPanel:
    return McuPanel(STATION, Sysfs("/nowhere"), lambda: 0.0)


def test_inputs_of_the_second_connector_have_its_number() -> None:
    mounted = panel()
    read = NOTHING._replace(number=2, inputs_valid=0b1, inputs=0b1, switches_us=7_000_000)
    mounted.take_connector(read, stamp)
    assert mounted.inputs["rcd.2"].state() == (True, 7.0)
    assert mounted.inputs["rcd"].state() is None
    mounted.take_connector(read._replace(number=1, inputs=0), stamp)
    assert mounted.inputs["rcd"].state() == (False, 7.0)


def test_station_readings_go_to_their_names_and_linux_keeps_its_own() -> None:
    mounted = panel()
    tilt, auxiliary = messages.STATION_INPUTS.index("tilt"), messages.OUTPUTS.index("auxiliary")
    absent = messages.NOT_FITTED
    read = StationReading(
        1_000_000, 1 << tilt, 1 << tilt, 1 << auxiliary, 2_000_000, 251, 990, absent, 3_000_000, 1450, 2
    )
    parts = (StationConnector(absent, 415, absent), StationConnector(absent, absent, messages.UNREADABLE))
    mounted.take_station(read, parts, stamp)
    assert mounted.inputs["tilt"].state() == (True, 1.0)
    assert mounted.outputs["auxiliary"].readback() == (True, 1.0)
    assert mounted.outputs["ventilation"].readback() == (False, 1.0)
    assert mounted.temperatures["housing"].read() == (25.1, 2.0)
    assert mounted.temperatures["plug_1"].read() == (41.5, 2.0)
    hot = mounted.temperatures["plug_2.2"].read()
    assert hot is not None
    assert math.isnan(hot.celsius)
    assert mounted.temperatures["cpu"].read() is None, "read by Linux, not by the microcontroller"
    assert mounted.tachometers["fan"].read() == (1450.0, 3.0)


def test_driven_outputs_are_bits_and_are_forgotten_with_the_link() -> None:
    mounted = panel()
    mounted.outputs["ventilation"].drive(True)
    assert mounted.output_bits() == 1 << messages.OUTPUTS.index("ventilation")
    mounted.lost()
    assert mounted.output_bits() == 0


ABILITIES = sum(Ability) - Ability.RELEASE_ENERGY - Ability.PHASE_RELAY
FITTED = (IdentityConnector(ABILITIES, 0b1, 0b111, b""), IdentityConnector(Ability.RESIDUAL, 0b1, 0b111, b""))
IDENTITY = Identity(1, 1, b"", b"", 0, 0xFF, 0b111111, 0b1, 1, 2)


def test_a_microcontroller_that_has_everything_is_not_complained_about() -> None:
    assert missing(STATION, IDENTITY, FITTED) == []


@pytest.mark.parametrize(
    ("identity", "fitted", "words"),
    [
        (IDENTITY, FITTED[:1], "it has 1 connectors, the station file 2"),
        (IDENTITY, (FITTED[0]._replace(abilities=ABILITIES - Ability.MIRROR), FITTED[1]), "no mirror for connector 1"),
        (IDENTITY, (FITTED[0], FITTED[1]._replace(abilities=0)), "no residual for connector 2"),
        (IDENTITY, (FITTED[0], FITTED[1]._replace(inputs=0)), "it has no input rcd.2"),
        (IDENTITY._replace(inputs=0), FITTED, "it has no input tilt"),
        (IDENTITY._replace(outputs=0b1), FITTED, "it has no output ventilation"),
        (IDENTITY._replace(temperatures=0), FITTED, "it has no temperature sensor housing"),
        (IDENTITY, (FITTED[0], FITTED[1]._replace(temperatures=0)), "it has no temperature sensor plug_2.2"),
        (IDENTITY._replace(fan=0), FITTED, "it measures no fan"),
    ],
)
def test_what_is_missing_is_named(identity: Identity, fitted: tuple[IdentityConnector, ...], words: str) -> None:
    assert any(words in each for each in missing(STATION, identity, fitted))


def test_a_lock_with_an_emergency_release_needs_one() -> None:
    release = msgspec.structs.replace(STATION.connector["1"], lock_actuator="with emergency release")
    station = msgspec.structs.replace(STATION, connector={**STATION.connector, "1": release})
    assert missing(station, IDENTITY, FITTED) == ["it has no release energy for connector 1"]
