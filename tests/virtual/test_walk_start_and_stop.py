"""The walk: StartTransaction and StopTransaction with kill -9 after each step, seen from the backend.

One message id per transaction and action; a repeat only with the same text after its connection broke unanswered; the
last answer wins; every watt-hour is billed once.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.envelope import decode
from bus.memory import Fate
from schemas.message_queue import Offer, QueueFact, StartAnswered, StopAnswered
from schemas.ocpp_link import CallOutcome
from schemas.session import Fact, TransactionStarted, TransactionStopped
from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import RFID
from tests.virtual.charging_station import Status
from tests.virtual.walk_station import Point, WalkStation, drive, one_right_charge, trace_of

pytestmark = pytest.mark.virtual

Step = Callable[[list[Point]], int]
START, STOP = "StartTransaction", "StopTransaction"
