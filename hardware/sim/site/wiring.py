"""The controller's inputs and outputs, and what they are wired to."""

from collections.abc import Callable, Mapping

from hardware.sim.site.connector import Connector, Refusal
from schemas.station import OUTPUTS

LIVE_V = 50.0
OVERCURRENT_TIMES_RATED = 1.5


def _rcd(connector: Connector) -> bool:
    return not connector.upstream.rcd_closed


def _mcb(connector: Connector) -> bool:
    return not connector.upstream.mcb_closed


def _line(connector: Connector) -> bool:
    return connector.output_v()[0] > LIVE_V


def _overcurrent(connector: Connector) -> bool:
    return max(connector.current_a()) > OVERCURRENT_TIMES_RATED * connector.description.max_current_a


SIGNALS: dict[str, Callable[[Connector], bool]] = {
    "rcd": _rcd,
    "mcb": _mcb,
    "monitoring_relay": lambda connector: _rcd(connector) or _mcb(connector),
    "line": _line,
    "protective_earth": lambda connector: not connector.faults.active("pe_break"),
    "overcurrent": _overcurrent,
    "mirror": lambda connector: connector.contactor.mirror_closed,
    "none": lambda _: False,
}
"""What an input can be wired to, at one connector: "rcd" is connector 1's, "rcd.2" connector 2's."""

AUXILIARY = {
    "protection": "recloser and shunt trip of one motorised RCD: re-arms what is tripped, otherwise trips",
    "recloser": "re-arms a tripped RCD",
    "shunt trip": "trips the RCD",
    "none": "nothing the site knows",
}
"""What the auxiliary output can be wired to."""


class Inputs:
    """`wired`: name -> it is a normally closed contact. What people set by hand hides what the contact is wired to."""

    def __init__(self, wired: Mapping[str, bool], connectors: Mapping[int, Connector]) -> None:
        self._wired = wired
        self._connectors = connectors
        self.by_hand: dict[str, bool] = {}
        self.sources: dict[str, str] = {}
        """Inputs that are wired to something else than their name says."""

    def _known(self, name: str) -> None:
        if name not in self._wired:
            there = f"; wired are {', '.join(self._wired)}" if self._wired else ""
            raise Refusal(f"no input {name!r} is wired{there}; the station file says so in [equipment] inputs")

    def set(self, name: str, on: bool | None) -> None:
        """None = let go: as the contact is wired. Raises Refusal."""
        self._known(name)
        if on is None:
            self.by_hand.pop(name, None)
        else:
            self.by_hand[name] = on

    def wire(self, name: str, source: str) -> None:
        """Raises Refusal."""
        self._known(name)
        signal, _, number = source.partition(".")
        if signal not in SIGNALS or (number and number not in map(str, self._connectors)):
            raise Refusal(f"an input can be wired to {', '.join(SIGNALS)}, of connector 2 with .2 behind it")
        self.sources[name] = source

    def active(self, name: str) -> bool:
        """Whether the contact says what its name says."""
        if name in self.by_hand:
            return self.by_hand[name]
        source = self.sources.get(name, name)
        if source == "schuko_mcb":
            return any(each.description.domestic and _mcb(each) for each in self._connectors.values())
        signal, _, number = source.partition(".")
        ask = SIGNALS.get(signal)
        connector = self._connectors.get(int(number) if number else 1)
        return ask is not None and connector is not None and ask(connector)

    def contacts(self) -> dict[str, bool]:
        """By name: current flows through the input."""
        return {name: self.active(name) is not normally_closed for name, normally_closed in self._wired.items()}

    def states(self) -> dict[str, bool]:
        return {name: self.active(name) for name in self._wired}

    def restore(self, by_hand: Mapping[str, bool], sources: Mapping[str, str]) -> None:
        """What is no longer wired is forgotten."""
        self.by_hand.update({name: on for name, on in by_hand.items() if name in self._wired})
        self.sources.update({name: source for name, source in sources.items() if name in self._wired})


class Outputs:
    """The pins. A stuck one stays as it was; reading it back shows that."""

    def __init__(self, names: tuple[str, ...], connectors: Mapping[int, Connector]) -> None:
        self._connectors = connectors
        self.driven = dict.fromkeys(names, False)
        self.pins = dict.fromkeys(names, False)
        domestic = any(each.description.domestic for each in connectors.values())
        self.auxiliary = "none" if domestic else next(iter(AUXILIARY))

    def _stuck(self, name: str) -> bool:
        place = list(OUTPUTS).index(name) + 1 if name in OUTPUTS else 0
        return any(each.faults.value("output_stuck") == place for each in self._connectors.values())

    def drive(self, name: str, on: bool, now_s: float) -> None:
        """Names that are not there do nothing."""
        if name in self.driven:
            self.driven[name] = on
            self.settle(now_s)

    def settle(self, now_s: float) -> None:
        """A fault came or went, or something else is driven."""
        for name, on in self.driven.items():
            if on != self.pins[name] and not self._stuck(name):
                self.pins[name] = on
                if name == "auxiliary" and on:
                    self._strike(now_s)

    def _strike(self, now_s: float) -> None:
        """The auxiliary output has closed."""
        devices = [each.upstream for each in self._connectors.values()]
        tripped = [each for each in devices if not each.rcd_closed]
        if self.auxiliary == "recloser" or (self.auxiliary == "protection" and tripped):
            for each in tripped:
                each.rearm(now_s)
        elif self.auxiliary in ("shunt trip", "protection"):
            for each in devices:
                each.trip()

    def wire(self, source: str) -> None:
        """Raises Refusal."""
        if source not in AUXILIARY:
            raise Refusal(f"the auxiliary output can be wired to {', '.join(AUXILIARY)}")
        self.auxiliary = source
