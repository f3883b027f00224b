"""Addresses, modem, WLAN and ports. Pure."""

from services.settings.rules.problem import Board, Problem, Problems, Rule, Values, is_on, needs, number

STATIC = "Static"


def static_network_complete(values: Values, _board: Board) -> Problems:
    yield from _static(values, "NetworkConfigMode", "StaticNetworkConfig")


def static_wlan_complete(values: Values, _board: Board) -> Problems:
    yield from _static(values, "WLANNetworkConfigMode", "WLANStaticNetworkConfig")


def _static(values: Values, mode: str, prefix: str) -> Problems:
    if values[mode] != STATIC:
        return
    address, netmask, gateway = (f"{prefix}{part}" for part in ("Address", "Netmask", "Gateway"))
    for required in (address, netmask):
        if values[required] == "":
            yield Problem((mode, required), f"{mode} {STATIC} needs {address} and {netmask}: set them too")
            return
    import ipaddress  # only a static network needs it

    try:
        network = ipaddress.ip_interface(f"{values[address]}/{values[netmask]}").network
    except ValueError:
        yield Problem(
            (mode, address, netmask),
            f"{address} {values[address]} and {netmask} {values[netmask]} make no network: correct them",
        )
        return
    way_out = values[gateway]
    if way_out and ipaddress.ip_address(way_out) not in network:
        yield Problem(
            (gateway, address, netmask),
            f"{gateway} {way_out} is not in the network of {address} ({network}): the station could not reach it",
        )


def wlan_has_a_name(values: Values, _board: Board) -> Problems:
    return needs(values, "WLANEnabled", "true", "WLANSSID", "the name of a network")


def wlan_for_the_backend_is_on(values: Values, _board: Board) -> Problems:
    if values["ConnectionType"] == "WLAN" and values["WLANEnabled"] == "false":
        yield Problem(
            ("ConnectionType", "WLANEnabled"), "ConnectionType WLAN needs WLANEnabled: switch that on first, or both"
        )


def manual_selection_names_a_network(values: Values, _board: Board) -> Problems:
    return needs(values, "ModemNetworkSelMode", "Manual", "Req3GNetworkOperator", "the network to use")


def access_point_of_its_user(values: Values, _board: Board) -> Problems:
    if values["APNUsername"] and values["APN"] == "":
        yield Problem(("APNUsername", "APN"), "APNUsername belongs to an access point: set APN first, or both together")


def each_port_once(values: Values, _board: Board) -> Problems:
    """Ports that this station listens on."""
    used: dict[int, str] = {}
    for switch, setting, name in (
        ("ModbusSlaveTCPConfigOnOff", "true", "ModbusSlaveTCPPort"),
        ("DlmHierarchicalMode", "Enabled (with local MQTT broker)", "DlmcMqttBrokerPort"),
    ):
        port = number(values, name)
        if port is None or values[switch] != setting:
            continue
        if int(port) in used:
            yield Problem((name, used[int(port)]), f"{name} and {used[int(port)]} are both {port:g}: take another port")
        used[int(port)] = name


def modbus_has_room_for_its_ports(values: Values, board: Board) -> Problems:
    """The guide: each further connector has the next port, read-only servers 100 above."""
    port = number(values, "ModbusSlaveTCPPort")
    highest = 65535 - 100 - board.connectors + 1
    if port is not None and is_on(values, "ModbusSlaveTCPConfigOnOff") and port > highest:
        yield Problem(
            ("ModbusSlaveTCPPort",),
            f"ModbusSlaveTCPPort is at most {highest} here: read-only servers use the ports 100 above",
        )


RULES: tuple[Rule, ...] = (
    static_network_complete,
    static_wlan_complete,
    wlan_has_a_name,
    wlan_for_the_backend_is_on,
    manual_selection_names_a_network,
    access_point_of_its_user,
    each_port_once,
    modbus_has_room_for_its_ports,
)
