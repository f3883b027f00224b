"""A driver at a real station: plugs in, holds a card, waits, looks at the car and at the bill."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bus.topics import SAFETY_CONNECTOR, SESSION_CONNECTOR
from chargectl.output import Failure
from chargectl.station import CONFIGURATION
from schemas.session import ConnectorStatus, StopReason
from services.runner import REALTIME_PRIORITY
from services.session.transactions.journal import ALL_TRANSACTIONS, FACTS_FROM, fact_of, transaction_of
from services.session.transactions.record import Transaction
from tests.running_station import CARD, RunningStation, environment, wait_until

Status = ConnectorStatus
WORLD_PRIORITY = REALTIME_PRIORITY + 10
"""The simulated hardware comes before `safety`: hardware is never late because a computer is busy."""


class Driver:
    def __init__(self, station: RunningStation) -> None:
        self.station = station
        if station.up is not None:
            self.prefer()

    # doing

    def plug_in(self, **vehicle: Any) -> None:
        self.station.plug_in(**vehicle)

    def swipe(self) -> None:
        self.station.sim("swipe", id_tag=CARD)

    def swipe_until(self, happened: Callable[[], bool], what: str, seconds: float = 8.0) -> None:
        """As a person does: again, when the card had no effect."""
        for _ in range(5):
            with contextlib.suppress(Failure, AssertionError):
                self.swipe()
                wait_until(happened, what, seconds)
                return
        raise AssertionError(f"the card has no effect: {what}\n{self.station.logs()}")

    def charge(self) -> None:
        count = len(self.transactions())
        self.plug_in()
        self.until_status(Status.PREPARING)
        self.swipe_until(lambda: len(self.transactions()) > count, "a transaction has begun", 4.0)
        self.until_current_flows()

    def prefer(self) -> None:
        """Where it may: the simulated hardware, and what drives it, before whatever else this machine does. Otherwise
        a sample of the pilot is late by more than 50 ms now and then, and the contactor opens, rightly."""
        for name, priority in (("world", WORLD_PRIORITY), ("safety", REALTIME_PRIORITY)):
            with contextlib.suppress(PermissionError, ProcessLookupError):
                os.sched_setscheduler(self.station.process(name), os.SCHED_FIFO, os.sched_param(priority))

    def restart(self, name: str) -> None:
        """With supervisord's own tool and the shipped configuration."""
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(CONFIGURATION), "restart", name],
            env={**environment(), "CHARGE_HOME": str(self.station.home.root)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    # looking

    def world(self) -> dict[str, Any]:
        state: dict[str, Any] = self.station.sim("state")
        return state

    def connector(self) -> dict[str, Any]:
        """Everything physical of connector 1."""
        found: dict[str, Any] = self.world()["connectors"]["1"]
        return found

    def register_wh(self) -> int:
        register: int = self.world()["meters"]["connector.1"]["register_wh"]
        return register

    def status(self) -> ConnectorStatus:
        found: ConnectorStatus = self.station.until(SESSION_CONNECTOR, lambda _said: True).status
        return found

    def until_status(self, *statuses: ConnectorStatus, seconds: float = 20.0) -> ConnectorStatus:
        body = self.station.until(SESSION_CONNECTOR, lambda said: said.status in statuses, seconds=seconds)
        status: ConnectorStatus = body.status
        return status

    def until_current_flows(self, seconds: float = 30.0) -> None:
        """Also through moments in which there is no world to ask."""

        def flows() -> bool:
            with contextlib.suppress(Failure):
                return bool(self.connector()["current_a"][0] > 6.0)
            return False

        wait_until(flows, f"current flows\n{self.station.logs()}", seconds)
        self.until_status(Status.CHARGING, seconds=seconds)

    def until_full_current(self) -> None:
        wait_until(lambda: bool(self.connector()["current_a"][0] > 31.0), "the full current", 30.0)

    def what_the_car_noticed(self) -> dict[str, Any]:
        """Changes when power was interrupted, or the offer was touched."""
        seen = self.connector()
        vehicle = seen["vehicle"]
        times = {name: seen[name] for name in ("contactor_opened_s", "contactor_closings", "coil_off_s", "duty")}
        return {**times, **{name: vehicle[name] for name in ("s2_opened_s", "s2_closed_s", "charging_since_s")}}

    def offered_a(self) -> float:
        amperes: float = self.station.until(SAFETY_CONNECTOR, lambda _said: True).offered_a
        return amperes

    # the bill

    def transactions(self) -> list[Transaction]:
        """The journal as it is on the disk. Fails on a fact without number, a number without fact, a hole."""
        path = self.station.home.data / "session.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            rows = connection.execute(ALL_TRANSACTIONS).fetchall()
            last = connection.execute("SELECT last FROM stream").fetchone()
            waiting = [fact_of(row) for row in connection.execute(FACTS_FROM, (0, 1000))]
        found = [transaction_of(row) for row in rows]
        numbers = [number for number, _ in waiting]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)) if numbers else True, numbers
        ends = sum(one.meter_stop_wh is not None for one in found)
        # Facts that the receiver has acknowledged are gone, and there are others between: the highest number stays.
        assert (last["last"] if last else 0) >= len(found) + ends
        assert not numbers or numbers[-1] == last["last"]
        return found

    def ended(self, transactions: int = 1) -> bool:
        return sum(one.meter_stop_wh is not None for one in self.transactions()) >= transactions

    def end_with_the_card(self, transactions: int = 1) -> None:
        self.swipe_until(lambda: self.ended(transactions), "the transaction has ended")

    def leave(self) -> None:
        wait_until(lambda: self.connector()["lock"] == "unlocked", "the plug is released")
        self.station.sim("plug_out", connector="1")
        self.until_status(Status.AVAILABLE)

        def long_gone() -> bool:
            # Only then what happened to this vehicle is forgotten: a flicker of the wire is no unplugging.
            world = self.world()
            return bool(world["now_s"] - world["connectors"]["1"]["unplugged_s"] > 1.2)

        wait_until(long_gone, "the vehicle has left")


def bills_every_watt_hour_once(transactions: list[Transaction], begun_wh: int, register_wh: int) -> None:
    """Energy flows only within transactions, and every end was measured: sums are exact."""
    for one in transactions:
        assert one.stop is not None
        assert one.meter_stop_wh is not None
        assert one.meter_start_wh == begun_wh, transactions
        assert one.meter_stop_measured
        begun_wh = one.meter_stop_wh
    assert begun_wh == register_wh, transactions


def one_right_bill(driver: Driver, begun_wh: int) -> None:
    (one,) = driver.transactions()
    assert one.stop is not None
    assert (one.stop.reason, one.stop.id_tag, one.id_tag) == (StopReason.LOCAL, CARD, CARD)
    bills_every_watt_hour_once([one], begun_wh, driver.register_wh())


def let_pass(seconds: float) -> None:
    """For a moment that is random on purpose."""
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0.0:
        time.sleep(min(left_s, 0.05))
