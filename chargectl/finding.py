"""What `chargectl doctor` has found of one thing."""

from dataclasses import dataclass

OK, WARNING, WRONG = "ok", "warning", "wrong"


@dataclass(frozen=True)
class Finding:
    what: str
    level: str
    words: str
