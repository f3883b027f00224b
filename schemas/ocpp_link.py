"""What `ocpp_link` says: the connection to the backend, and the outcome of each CALL it sent."""

from schemas.base import Message, Open
from schemas.units import BootSeconds, Count, LongText, Sentence, WallSeconds


class LinkState(Open):
    UNKNOWN = "unknown"
    OFF = "off"
    """`ConnectionType` is No Backend, or no URL is set."""
    WAITING = "waiting"
    """Between two tries (`next_try_s`), or without an uplink."""
    CONNECTING = "connecting"
    REGISTERING = "registering"
    """Connected; BootNotification is not answered yet."""
    PENDING = "pending"
    REJECTED = "rejected"
    ONLINE = "online"
    """Registered: everything may be sent."""


class LinkStatus(Message, frozen=True, kw_only=True):
    """`ocpp_link.status`: said at every change and at least every 10 s."""

    state: LinkState
    url: Sentence = ""
    """As dialled, with the identity, without any password."""
    since_wall_s: WallSeconds = 0.0
    next_try_s: BootSeconds = 0.0
    """Boot-clock time of the next connection attempt or BootNotification; 0 = none planned."""
    failures: Count = 0
    """Connection attempts that failed one after the other."""
    connections: Count = 0
    """Connections opened since this process started."""
    last_error: Sentence = ""
    heartbeat_interval_s: Count = 0
    registered_wall_s: WallSeconds = 0.0
    """When the backend accepted the last BootNotification; 0 = not since this process started. Another value than
    before: `message_queue` says the status of every connector again."""


class Outcome(Open):
    UNKNOWN = "unknown"
    ANSWERED = "answered"
    ERROR = "error"
    """CALLERROR."""
    TIMED_OUT = "timed out"
    """No answer within `BackendConnectionTimeout` on a living connection; the connection is closed then."""
    CONNECTION_LOST = "connection lost"
    """Sent, and the connection broke before the answer."""
    INVALID = "invalid"
    """Never sent: our own payload breaks the OCPP schema. A defect of this software, told to people."""


class CallOutcome(Message, frozen=True, kw_only=True):
    """`ocpp_link.outcome`: what became of one (message id, attempt); said again until `message_queue.settled`."""

    message_id: str
    attempt: Count
    outcome: Outcome
    payload: LongText = ""
    """JSON object of the CALLRESULT, valid for its action; empty otherwise."""
    error_code: str = ""
    error_description: Sentence = ""
    ended_wall_s: WallSeconds
