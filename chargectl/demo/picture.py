"""The terminal picture of a station, as lines of text. Pure."""

from chargectl.demo.view import BackendView, ConnectorView, ServiceView, View
from schemas.message_queue import QueueStatus
from schemas.metering import Quality, Reading
from schemas.ocpp_link import LinkState
from schemas.safety import Contactor, Lock

RED, GREEN, YELLOW, BOLD = "31", "32", "33", "1"
LONGEST_SAID = 95
"""Characters of a backend's line; MeterValues are long."""
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
    title = paint(f"Charging station {view.serial} (simulated)   {minutes:02d}:{seconds:02d}", BOLD)
    lines = [title, paint(caption, BOLD), ""]
    for connector in view.connectors:
        lines += [*_connector(connector, paint), ""]
    lines += [*_backend(view.backend, paint), ""]
    lines.append("Services   " + _services(view.services, paint))
    lines += [paint(f"Fault      {fault}", RED) for fault in view.faults]
    lines += [f"Last event {view.event or '-'}", "", "Join in from another terminal:"]
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
        f"  limit      {session.limit_a:.1f} A, set by: {session.limit_source}" + (f" ({others})" if others else "")
    )
    energy = "-" if session.energy_wh is None else f"{session.energy_wh / 1000:.3f} kWh"
    words = [energy, *([f"card {session.id_tag}"] if session.id_tag else [])]
    number = session.backend_transaction_id
    words += [f"transaction {number} at the backend"] if number is not None else []
    lines.append(f"  energy     {', '.join(words)}")
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


def _backend(backend: BackendView, paint: Paint) -> list[str]:
    words = link_words(backend)
    return [
        f"Backend  {paint(words, GREEN if backend.online else YELLOW)}",
        f"  queue      {queue_words(backend.queue)}",
        *(f"  {line if len(line) <= LONGEST_SAID else line[: LONGEST_SAID - 3] + '...'}" for line in backend.said),
    ]


def link_words(backend: BackendView, *, with_url: bool = True) -> str:
    """State of the connection in one line: why not, and when the next try is."""
    link = backend.link
    if link is None:
        return "ocpp_link is silent"
    if link.state is LinkState.OFF:
        return f"none: {link.last_error}" if link.last_error else "none: the station works alone"
    words = f"{link.state}, {link.url}" if with_url else str(link.state)
    if not backend.online and link.last_error:
        words += f" - {link.last_error}"
    if backend.next_try_in_s is not None:
        words += f"; next try in {backend.next_try_in_s:.0f} s"
    return words


def queue_words(queue: QueueStatus | None) -> str:
    if queue is None:
        return "message_queue is silent"
    if not queue.waiting:
        return "empty: everything is delivered" + (f"; {queue.given_up} given up" if queue.given_up else "")
    count = "1 message waits" if queue.waiting == 1 else f"{queue.waiting} messages wait"
    return count + (f": {queue.waits_because}" if queue.waits_because else "")


def _services(services: tuple[ServiceView, ...], paint: Paint) -> str:
    up = [service.name for service in services if service.up]
    parts = [paint(f"{service.name} DOWN", RED) for service in services if not service.up]
    restarted = {each.name: each.restarted_s_ago for each in services if each.up and each.restarted_s_ago is not None}
    if len(restarted) == len(services):
        return paint(f"all restarted {min(restarted.values()):.0f} s ago", YELLOW)
    parts += [paint(f"{name} restarted {ago_s:.0f} s ago", YELLOW) for name, ago_s in restarted.items()]
    parts += [paint("up:", GREEN) + " " + " ".join(up)] if up else []
    return ", ".join(parts)


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
    parts.append(f"backend {link_words(view.backend, with_url=False)}")
    if view.backend.queue is not None and view.backend.queue.waiting:
        parts.append(f"queue: {queue_words(view.backend.queue)}")
    down = [service.name for service in view.services if not service.up]
    restarted = [service.name for service in view.services if service.up and service.restarted_s_ago is not None]
    parts.append(f"DOWN: {', '.join(down)}" if down else "all services up")
    parts += [f"restarted: {', '.join(restarted)}"] if restarted else []
    return f"{caption} | " + " | ".join(parts)


def fitted(lines: list[str], columns: int, rows: int) -> list[str]:
    """As many lines as the terminal has room for, its last row left free; long ones (commands to copy) may wrap.

    Where they do not fit, empty lines go first.
    """

    def heights(of: list[str]) -> list[int]:
        return [max(1, -(-len(_without_colour(line)) // max(1, columns))) for line in of]

    if sum(heights(lines)) >= rows:
        lines = [line for line in lines if line]
    if sum(heights(lines)) < rows:
        return lines
    shown: list[str] = []
    used = 2
    for line, height in zip(lines, heights(lines), strict=True):
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
