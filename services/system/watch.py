"""Which services are heard, restarted, silent. Pure.

Only a service that has been heard since the station started can be missed.
"""

from collections.abc import Mapping

SILENT_AFTER_S = 3.0
"""Three heartbeats (the longest healthy silence of `<owner>.heartbeat`)."""


class Watch:
    """`runs`: the run of each service that `system` had heard before it was restarted itself."""

    def __init__(self, runs: Mapping[str, str], now_s: float) -> None:
        self.runs = dict(runs)
        self._heard_s = dict.fromkeys(runs, now_s)
        self._words = dict.fromkeys(runs, "")

    def beat(self, owner: str, run_id: str, state: str, sent_s: float) -> bool:
        """True when this is another run than the one heard before: the service was restarted."""
        before = self.runs.get(owner)
        self.runs[owner] = run_id
        self._heard_s[owner] = max(sent_s, self._heard_s.get(owner, 0.0))
        self._words[owner] = state.removeprefix("stopped: ") if state.startswith("stopped: ") else ""
        return before is not None and before != run_id

    def silent(self, now_s: float) -> dict[str, str]:
        """Services that are missed, with their last words."""
        return {
            owner: self._words[owner] or f"silent for more than {SILENT_AFTER_S:g} s"
            for owner, heard_s in self._heard_s.items()
            if now_s - heard_s > SILENT_AFTER_S
        }

    def next_s(self, now_s: float) -> float:
        """When the next service would be missed."""
        due = [heard_s + SILENT_AFTER_S for heard_s in self._heard_s.values()]
        return min((at_s + 0.001 for at_s in due if at_s >= now_s), default=float("inf"))
