"""Connects the pure site with its two sockets, its meters and its file. It decides nothing."""

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bus.clock import Now
from bus.envelope import Received
from hardware.sim.site import ConnectorDescription, Site, SiteDescription
from hardware.sim.site.description import METER_MODELS, meter_unit
from hardware.sim.site.registers import words, write_words
from schemas.station import Station
from services.home import BadStationFile, Home
from services.world.board import BoardServer
from services.world.control import ControlServer
from services.world.modbus import MeterServer
from services.world.operations import AnyOperation, Network, State
from services.world.poll import Poll
from services.world.storage import Storage, read_memory

SAVES_EVERY_S = 2.0
"""While energy flows; what somebody has seen of a register is saved before, always."""
TELLS_THE_PAST_S = 1.0
"""After a longer stop only the present is sampled, not each event that was missed."""
PORT_NAME = "world_modbus"

logger = logging.getLogger(__name__)


def describe(station: Station) -> SiteDescription:
    """Raises BadStationFile for what the site cannot simulate."""
    connectors: dict[int, ConnectorDescription] = {}
    for number, each in station.connectors.items():
        model = each.meter if not each.meter_address else "none"
        if model not in (*METER_MODELS, "none"):
            raise BadStationFile(
                f"[connector.{number}] meter = {model!r}: the simulated site has {', '.join(METER_MODELS)} and none; "
                "choose one of them, or give meter_address"
            )
        connectors[number] = ConnectorDescription(
            fixed_cable=each.cable != "socket",
            domestic=each.cable == "schuko",
            lock=each.has_lock,
            mirror_contact=each.mirror_contact,
            phases=each.phases,
            max_current_a=each.max_current_a,
            meter=model,
            mirror_normally_closed=each.mirror_contact_type == "normally closed",
            residual_module=each.residual_current != "none",
            output_sense=each.output_sense,
            phase_switching=each.phase_switching,
            lock_feedback=each.lock_actuator != "without feedback",
            lock_release=each.lock_actuator == "with emergency release",
        )
    mounted = station.equipment
    return SiteDescription(
        connectors,
        station.station.serial,
        inputs={name: contact == "normally closed" for name, contact in mounted.inputs.items()},
        outputs=mounted.outputs,
        temperatures=mounted.temperatures,
        fan=mounted.fan,
    )


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text)
    os.replace(temporary, path)  # noqa: PTH105 (the plain name of the atomic step)


def _known_ports(path: Path) -> dict[str, int]:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_text())
        if isinstance(known, dict):
            return {str(name): port for name, port in known.items() if isinstance(port, int) and 0 < port < 65536}
    return {}


class World:
    """A service. `clock` gives boot-clock seconds: physical time is boot time."""

    settings_revision = 0

    def __init__(self, home: Home, station: Station, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._run = home.run
        self._lock = threading.RLock()
        """The meters' server answers from its own thread."""
        self.site = Site(describe(station), read_memory(home.data / "world.json"), clock())
        self._storage = Storage(home.data / "world.json", self.site)
        self._poll = Poll()
        sockets = home.socket_directory()
        self._board = BoardServer(sockets / "board.sock", self.site, self._poll, clock, self._happen)
        self._control = ControlServer(sockets / "world.sock", self._poll, self._act)
        self._write_uplink()
        self._meters = self._open_meters(station.ports.world_modbus)
        self._next_save_s = clock() + SAVES_EVERY_S
        self._lasting = self._lasting_facts()

    @property
    def port(self) -> int:
        """Of the meters' Modbus server."""
        return self._meters.port

    def _open_meters(self, port: int) -> MeterServer:
        ports_file = self._run / "ports.json"
        known = _known_ports(ports_file)
        # The port of the run before, if it is free: metering finds its meters again without looking.
        wanted = (port,) if port else tuple(dict.fromkeys((known.get(PORT_NAME, 0), 0)))
        units = {meter_unit(name): (name, meter) for name, meter in self.site.meters.items()}
        server = MeterServer(units, self._meter_words, self._meter_write, wanted)
        _write_whole(ports_file, json.dumps({**known, PORT_NAME: server.port}))
        return server

    def _meter_words(self, meter: str, function: int, address: int, count: int) -> tuple[int, ...]:
        with self._lock:
            self._catch_up(self._clock())
            self._storage.before_showing(meter)
            return words(self.site, meter, function, address, count)

    def _meter_write(self, meter: str, address: int, written: Sequence[int]) -> None:
        """What a meter has signed survives a kill."""
        with self._lock:
            self._catch_up(self._clock())
            write_words(self.site, meter, address, written)
            self._storage.save()

    # -- a service --------------------------------------------------------------

    def sources(self) -> Iterable["World"]:
        return (self,)

    def fileno(self) -> int:
        return self._poll.fileno()

    def receive(self) -> None:
        with self._lock:
            self._poll.receive()

    def on_start(self, now: Now) -> None:
        logger.info("the simulated site stands: %d connectors, meters on port %d", len(self.site.connectors), self.port)
        del now

    def on_message(self, message: Received, now: Now) -> None:
        """The world hears nothing on the bus: it is outside of the station."""

    def on_time(self, now: Now) -> float:
        return self.on_clock(now.boot_s)

    def on_clock(self, now_s: float) -> float:
        """Let the site happen until now; returns when it wants to be called at the latest."""
        with self._lock:
            self._catch_up(now_s)
            self._save_if_due(now_s)
            return min(self.site.next_event_s(), self._board.next_due_s(), self._next_save_s)

    def on_stop(self, now: Now) -> None:
        del now
        self.close()

    def close(self) -> None:
        self._meters.close()
        with self._lock:
            self._storage.save()
            self._board.close()
            self._control.close()
            self._poll.close()

    # -- the site ---------------------------------------------------------------

    def _catch_up(self, now_s: float) -> None:
        """What was driven until now comes first, each packet at the time when it was sent."""
        self._board.take_driven()
        self._happen(now_s)

    def _happen(self, until_s: float) -> None:
        """Event by event, so that each sample carries the time of what it shows."""
        while (event_s := self.site.next_event_s()) <= until_s:
            self.site.advance(event_s)
            if until_s - event_s < TELLS_THE_PAST_S:
                self._board.publish()
        self.site.advance(until_s)
        self._board.publish()

    def _act(self, operation: AnyOperation) -> dict[str, Any]:
        self._catch_up(self._clock())
        if isinstance(operation, State):
            for meter in self.site.meters:
                self._storage.before_showing(meter)
            answer = operation.run(self.site)
            for number, sent_s in self._board.edge_sent_s.items():
                answer["connectors"][str(number)]["pilot_sent_s"] = sent_s
            return answer
        sent_before_s = dict(self._board.edge_sent_s)
        answer = operation.run(self.site)
        self._board.publish()
        edges = {n: sent_s for n, sent_s in self._board.edge_sent_s.items() if sent_s != sent_before_s.get(n)}
        if edges:
            answer["pilot_sent_s"] = {str(number): sent_s for number, sent_s in edges.items()}
        if isinstance(operation, Network):
            self._write_uplink()
        self._storage.save()
        return answer

    def _write_uplink(self) -> None:
        """Whoever owns an outside connection of this simulated station looks at this file."""
        try:
            _write_whole(self._run / "uplink", "up" if self.site.network_up else "down")
        except OSError as error:
            logger.error("cannot write %s: %s", self._run / "uplink", error)

    def _lasting_facts(self) -> tuple[object, ...]:
        """What must not wait for the next save, besides what operations change."""
        return tuple(
            (
                each.contactor.welded,
                *each.contactor.pole_welds,
                each.contactor.closings,
                each.lock is not None and each.lock.locked,
                each.upstream.closed,
                each.phase_relay is not None and each.phase_relay.closed,
            )
            for each in self.site.connectors.values()
        )

    def _save_if_due(self, now_s: float) -> None:
        lasting = self._lasting_facts()
        if lasting != self._lasting:
            self._lasting = lasting
            self._storage.save()
        if self.site.energy_flows:
            if now_s >= self._next_save_s:
                self._storage.save()
                self._next_save_s = now_s + SAVES_EVERY_S
            self._next_save_s = min(self._next_save_s, now_s + SAVES_EVERY_S)
        else:
            self._next_save_s = float("inf")
