"""What of a site survives a kill or a power cut, to and from plain values."""

from typing import TYPE_CHECKING, Any

import msgspec

from hardware.sim.site.connector import Connector
from hardware.sim.site.faults import ArmedFault
from hardware.sim.site.memory import (
    METER_FIELDS,
    CarMemory,
    ConnectorMemory,
    MeterMemory,
    SignerMemory,
    SiteMemory,
)
from hardware.sim.site.signer import Signer

if TYPE_CHECKING:
    from hardware.sim.site.site import Site

FOREVER_S = float("inf")


def _dump_car(connector: Connector) -> CarMemory | None:
    car = connector.car
    if car is None:
        return None
    awake = car.ev.asleep and not car.asleep
    return CarMemory(ev=car.ev, soc_percent=car.battery.soc_percent, paused=car.paused, awake=awake)


def _dump_connector(connector: Connector, now_s: float) -> ConnectorMemory:
    lock, relay, faults = connector.lock, connector.phase_relay, connector.faults
    lasting = {name: max(0.0, end_s - now_s) for name, end_s in faults.ends_s.items()}
    return ConnectorMemory(
        energy_wh=connector.energy_wh,
        cable_a=connector.cable_a,
        car=_dump_car(connector),
        welded=connector.contactor.welded,
        pole_welds=connector.contactor.pole_welds,
        closings=connector.contactor.closings,
        lock_position=0.0 if lock is None else lock.position,
        release_charged=lock is None or lock.charged,
        three_phases=relay is None or relay.closed,
        rcd_closed=connector.upstream.rcd_closed,
        mcb_closed=connector.upstream.mcb_closed,
        faults=dict(faults.values),
        armed={name: (fault.value, fault.after_s) for name, fault in faults.armed.items()},
        lasting=lasting | {name: fault.for_s for name, fault in faults.armed.items() if fault.for_s < FOREVER_S},
    )


def _load_connector(connector: Connector, memory: ConnectorMemory, now_s: float) -> None:
    connector.energy_wh = memory.energy_wh
    for name, value in memory.faults.items():
        connector.faults.begin(name, value, memory.lasting.get(name, FOREVER_S), now_s)
    for name, (value, after_s) in memory.armed.items():
        connector.faults.armed[name] = ArmedFault(value, after_s, memory.lasting.get(name, FOREVER_S))
    connector.contactor.restore(memory.welded, memory.pole_welds, memory.closings)
    connector.upstream.restore(memory.rcd_closed, memory.mcb_closed)
    if connector.phase_relay is not None:
        connector.phase_relay.restore(memory.three_phases)
    if connector.lock is not None:
        connector.lock.restore(memory.lock_position, memory.release_charged)
    car = None
    if memory.car is not None:
        car = connector.make_car(memory.car.ev)
        car.battery.soc_percent, car.paused = memory.car.soc_percent, memory.car.paused
        if memory.car.awake:
            car.wake()
    connector.put_back(car, memory.cable_a, now_s)


def _dump_signer(signer: Signer | None) -> SignerMemory | None:
    if signer is None:
        return None
    return SignerMemory(**{name: getattr(signer, name) for name in SignerMemory.__struct_fields__})


def _load_signer(signer: Signer | None, memory: SignerMemory | None, now_s: float) -> None:
    if signer is None or memory is None:
        return
    for name in SignerMemory.__struct_fields__:
        setattr(signer, name, getattr(memory, name))
    signer.pending_since_s = now_s


def dump(site: "Site") -> dict[str, Any]:
    """JSON-able."""
    memory = SiteMemory(
        connectors={
            str(number): _dump_connector(connector, site.now_s) for number, connector in site.connectors.items()
        },
        meters={
            meter.name: MeterMemory(
                energy_wh=meter.energy_wh,
                phase_wh=meter.phase_wh,
                signer=_dump_signer(meter.signer),
                **{field: getattr(meter, field) for field in METER_FIELDS},
            )
            for meter in site.meters.values()
        },
        inputs=dict(site.inputs.by_hand),
        wiring=dict(site.inputs.sources) | {"auxiliary": site.outputs.auxiliary},
        ambient_c=site.thermal.ambient_c,
        sun_k=site.thermal.sun_k,
        climate=site.thermal.climate_device,  # type: ignore[arg-type]
        rises_k=site.thermal.rises(site.now_s),
        network_up=site.network_up,
        cards=site.cards.presentations,
    )
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(memory))
    return plain


def load(site: "Site", plain: dict[str, Any]) -> None:
    """Raises msgspec.ValidationError. What is no longer described is forgotten."""
    memory = msgspec.convert(plain, SiteMemory)
    for number, connector in site.connectors.items():
        if str(number) in memory.connectors:
            _load_connector(connector, memory.connectors[str(number)], site.now_s)
    for name, meter in site.meters.items():
        if name in memory.meters:
            kept = memory.meters[name]
            meter.energy_wh, meter.phase_wh = kept.energy_wh, kept.phase_wh
            for field in METER_FIELDS:
                setattr(meter, field, getattr(kept, field))
            _load_signer(meter.signer, kept.signer, site.now_s)
    wiring = dict(memory.wiring)
    site.outputs.auxiliary = wiring.pop("auxiliary", site.outputs.auxiliary)
    site.inputs.restore(memory.inputs, wiring)
    site.thermal.ambient_c, site.thermal.sun_k = memory.ambient_c, memory.sun_k
    site.thermal.climate_device = memory.climate
    site.thermal.restore(memory.rises_k, site.now_s)
    site.network_up = memory.network_up
    site.cards.presentations = memory.cards
