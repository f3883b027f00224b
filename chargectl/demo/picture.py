"""The terminal picture of a station, as lines of text. Pure."""

from chargectl.demo.view import ConnectorView, ServiceView, View
from schemas.metering import Quality, Reading
from schemas.safety import Contactor, Lock

RED, GREEN, YELLOW, BOLD = "31", "32", "33", "1"
CONTACTOR_WORDS = {
    Contactor.CLOSED: "power is on",
    Contactor.CLOSING: "switching on",
    Contactor.OPENING: "switching off",
}
LOCK_WORDS = {
    Lock.LOCKED: "plug locked",
    Lock.UNLOCKED: "plug free",
    Lock.FAILED: "lock failed",
    Lock.NONE: "fixed cable",
}


class Paint:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def picture(view: View, caption: str, elapsed_s: float, join_in: list[str], paint: Paint) -> list[str]:
    minutes, seconds = divmod(int(elapsed_s), 60)
    lines = [paint(f"Charging station {view.serial} (simulated)   {minutes:02d}:{seconds:02d}", BOLD), ""]
    for connector in view.connectors:
        lines += [*_connector(connector, paint), ""]
    lines.append("Services   " + "  ".join(_service(service, paint) for service in view.services))
    lines += [paint(f"Fault      {fault}", RED) for fault in view.faults]
    lines += [f"Last event {view.event or '-'}", "", paint(caption, BOLD), "", "Join in from another terminal:"]
    return lines + [f"  {line}" for line in join_in]


def _connector(connector: ConnectorView, paint: Paint) -> list[str]:
    head = f"Connector {connector.number}"
    session, safety = connector.session, connector.safety
    if session is None:
        return [f"{head}  {paint('session is silent', RED)}", f"  pilot      {_pilot(connector)}"]
    status = paint(str(session.status), GREEN if session.status.value == "Charging" else YELLOW)
    lines = [f"{head}  {status}" + (f" - {session.reason}" if session.reason else "")]
    lines.append(
        f"  pilot      {_pilot(connector)}" if safety is not None else paint("  pilot      safety is silent", RED)
    )
    lines.append(f"  power      {_power(connector)}")
    others = ", ".join(f"{limit.source} {limit.limit_a:.0f} A" for limit in session.limits)
    lines.append(
        f"  limit      {session.limit_a:.1f} A, set by: {session.limit_source}" + (f"   ({others})" if others else "")
    )
    energy = "-" if session.energy_wh is None else f"{session.energy_wh / 1000:.3f} kWh"
    lines.append(f"  energy     {energy}" + (f", card {session.id_tag}" if session.id_tag else ""))
    if connector.hmi is not None:
        shown = "".join(f"[{line:<16}]" for line in connector.hmi.display)
        lines.append(f"  display    {shown} light: {connector.hmi.light}")
    return lines


def _pilot(connector: ConnectorView) -> str:
    safety = connector.safety
    if safety is None:
        return "safety is silent"
    words = [f"state {safety.state}", CONTACTOR_WORDS.get(safety.contactor, "power is off")]
    words.append(LOCK_WORDS.get(safety.lock, str(safety.lock)))
    if safety.offered_a:
        words.append(f"{safety.offered_a:.1f} A offered")
    return ", ".join(words)


def _power(connector: ConnectorView) -> str:
    meter = connector.meter
    if meter is None or meter.reading is None:
        return "no meter reading"
    text = _reading(meter.reading)
    return text if meter.quality is Quality.GOOD else f"{text} (meter: {meter.quality})"


def _reading(reading: Reading) -> str:
    power = "-" if reading.power_w is None else f"{reading.power_w / 1000:.2f} kW"
    if reading.current_a is None:
        return power
    return power + "   " + "  ".join(f"L{phase} {amperes:.1f} A" for phase, amperes in enumerate(reading.current_a, 1))


def _service(service: ServiceView, paint: Paint) -> str:
    if not service.up:
        return paint(f"{service.name} DOWN", RED)
    if service.restarted_s_ago is not None:
        return paint(f"{service.name} restarted {service.restarted_s_ago:.0f} s ago", YELLOW)
    return paint(f"{service.name} up", GREEN)


def one_line(view: View, caption: str) -> str:
    """The same for a log: everything in one line."""
    parts = []
    for connector in view.connectors:
        session = connector.session
        if session is None:
            parts.append(f"connector {connector.number}: session is silent")
            continue
        energy = "-" if session.energy_wh is None else f"{session.energy_wh} Wh"
        parts.append(
            f"connector {connector.number}: {session.status}, {_power(connector)}, "
            f"limit {session.limit_a:.1f} A ({session.limit_source}), {energy}"
        )
    down = [service.name for service in view.services if not service.up]
    restarted = [service.name for service in view.services if service.up and service.restarted_s_ago is not None]
    parts.append(f"DOWN: {', '.join(down)}" if down else "all services up")
    parts += [f"restarted: {', '.join(restarted)}"] if restarted else []
    return f"{caption} | " + " | ".join(parts)


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """As many lines as the terminal has room for, its last row left free; long ones (commands to copy) may wrap."""
    heights = [max(1, -(-len(_without_colour(line)) // max(1, columns))) for line in lines]
    if sum(heights) < rows:
        return lines
    shown: list[str] = []
    used = 2
    for line, height in zip(lines, heights, strict=True):
        used += height
        if used > rows:
            break
        shown.append(line)
    return [*shown, "(make the terminal taller to see more)"]


def _without_colour(text: str) -> str:
    plain, rest = "", text
    while "\x1b[" in rest:
        before, _, after = rest.partition("\x1b[")
        plain += before
        rest = after.partition("m")[2]
    return plain + rest
