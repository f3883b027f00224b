"""The faults that this service has raised. Pure."""

from schemas.base import ActiveFault, ActiveFaults


class RaisedFaults:
    def __init__(self) -> None:
        self._raised: dict[str, ActiveFault] = {}
        self.changed = True
        """Since the last `told`; true at first: the list is said once at the start, also when it is empty."""

    def show(self, code: str, detail: str, wall_s: float) -> None:
        """Raises `code`, or clears it when there is nothing to say about it."""
        before = self._raised.get(code)
        if not detail:
            self._raised.pop(code, None)
        elif before is None or before.detail != detail:
            since_s = wall_s if before is None else before.since_wall_s
            self._raised[code] = ActiveFault(code=code, since_wall_s=since_s, detail=detail[:500])
        self.changed = self.changed or self._raised.get(code) is not before

    def told(self) -> ActiveFaults:
        self.changed = False
        return ActiveFaults(faults=tuple(self._raised.values()))
