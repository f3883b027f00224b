"""Contacts that are wired and active while the key that makes them count is off."""

from collections.abc import Callable, Iterator, Mapping

from bus.topics import SAFETY_STATION, SETTINGS_VALUES
from chargectl.bus_client import BusClient
from chargectl.finding import WARNING, Finding
from services.home import Home
from services.safety.settings import SafetySettings, parsed, relevant

HEARD_S = 1.5

WATCHED: dict[str, tuple[str, Callable[[SafetySettings], bool]]] = {
    "rcd": ("RCDENABLE", lambda keys: keys.rcd == "On"),
    "monitoring_relay": ("MonitoringRelayInput", lambda keys: keys.monitoring_relay),
    "spd": ("SPDCFG", lambda keys: keys.surge_protection),
    "tamper": ("TamperDetectionInputEnable", lambda keys: keys.tamper),
    "energy_management": ("EnergyManInputPowerLimitCfg", lambda keys: keys.energy_input),
    "schuko_mcb": ("OCPPSchuko", lambda keys: keys.schuko),
}
"""By input: the key, and whether it makes the contact count. The others always do, or are free."""


def checks(home: Home) -> Iterator[Finding]:
    """Nothing where safety or settings are not heard: the services are looked at elsewhere. Raises Failure."""
    with BusClient(home, hears=(SAFETY_STATION, SETTINGS_VALUES)) as client:
        client.wait_for([(SAFETY_STATION, ""), (SETTINGS_VALUES, "")], HEARD_S)
        said, keys = client.bus.latest(SAFETY_STATION).fresh, client.bus.latest(SETTINGS_VALUES).body
        if said is not None and keys is not None:
            yield from unwatched(said.inputs, keys.values)


def unwatched(inputs: Mapping[str, bool | None], values: Mapping[str, str]) -> Iterator[Finding]:
    """`inputs`: by name, as `safety.station` tells them; `values`: of the configuration keys."""
    for name, active in inputs.items():
        function, _, number = name.partition(".")
        if not active or function not in WATCHED:
            continue
        key, counts = WATCHED[function]
        texts = relevant(values, int(number) if number else 1)
        if not counts(parsed(texts)):
            words = f"wired, and active now, but {key} is {texts.get(key, 'not known')}: nobody is told"
            yield Finding(f"input {name}", WARNING, words)
