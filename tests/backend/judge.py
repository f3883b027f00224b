"""Judges what a station sends by OCPP-J and the official JSON schemas, with nothing of the product's own code."""

import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema

ERROR_CODES = {
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
    "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError",
}  # fmt: skip
"""OCPP-J 1.6 table 7, with the two spellings that the errata keep."""
FROM_STATION = {
    "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
    "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip


@lru_cache(maxsize=1)
def _directory() -> Path:
    found = importlib.util.find_spec("ocpp.v16")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "schemas"


@lru_cache(maxsize=256)
def schema(name: str) -> Any:
    """`Authorize`, `AuthorizeResponse` ..."""
    return json.loads((_directory() / f"{name}.json").read_text(encoding="utf-8-sig"))


@lru_cache(maxsize=256)
def _validator(name: str) -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(schema(name))


def complaints(name: str, payload: Any) -> list[str]:
    """What the official schema has against this payload."""
    return [f"{name}: {error.json_path}: {error.message[:200]}" for error in _validator(name).iter_errors(payload)]


def judge_frame(text: str) -> tuple[Any, list[str]]:
    """The decoded frame, and what is wrong with its outer form."""
    try:
        frame = json.loads(text)
    except ValueError as error:
        return None, [f"not JSON: {error}"]
    if not isinstance(frame, list) or not frame:
        return None, ["not a JSON array"]
    lengths = {2: 4, 3: 3, 4: 5}
    if frame[0] not in lengths:
        return None, [f"message type {frame[0]!r}"]
    if len(frame) != lengths[frame[0]]:
        return None, [f"message type {frame[0]} has {len(frame)} elements"]
    wrong = []
    if not isinstance(frame[1], str) or not 1 <= len(frame[1]) <= 36:
        wrong.append(f"message id {frame[1]!r}")
    if not isinstance(frame[-1], dict):
        wrong.append("payload or details are not an object")
    if frame[0] == 2 and frame[2] not in FROM_STATION:
        wrong.append(f"a station does not send {frame[2]!r}")
    if frame[0] == 4 and frame[2] not in ERROR_CODES:
        wrong.append(f"error code {frame[2]!r}")
    if frame[0] == 4 and not (isinstance(frame[3], str) and len(frame[3]) <= 255):
        wrong.append("error description")
    return frame, wrong
