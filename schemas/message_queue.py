"""What `message_queue` says: the CALLs that wait for the backend, and what became of them."""

from msgspec import Struct

from schemas.base import Message, Open, Request
from schemas.units import Count, Identifier, IdTag, LongText, StationOrConnector, WallSeconds, Word


class CallClass(Open):
    UNKNOWN = "unknown"
    TRANSACTION = "transaction"
    """StartTransaction, StopTransaction, and MeterValues with a transaction while `RetransmitMeterValues` is on:
    durable, strictly in order."""
    SECURITY = "security"
    """SecurityEventNotification: durable."""
    STATUS = "status"
    """StatusNotification: the latest per connector."""
    VOLATILE = "volatile"
    """Everything else: overtakes, expires, dropped when it was not answered."""


class Offer(Message, frozen=True, kw_only=True):
    """`message_queue.offer`: the CALL that `ocpp_link` shall send next; said again until its outcome is heard."""

    message_id: str = ""
    """OCPP message id, fixed when the message was queued; empty = nothing to send now."""
    attempt: Count = 0
    """Counts from 1; the same (message id, attempt) is never sent twice on a living connection."""
    action: Word = ""
    payload: LongText = ""
    """JSON object; a repeat carries the same text."""


class Settled(Message, frozen=True, kw_only=True):
    """`message_queue.settled`: the outcome is in the store; `ocpp_link` may forget it."""

    message_id: str
    attempt: Count


class AuthorizationStatus(Open):
    """OCPP 1.6 AuthorizationStatus."""

    UNKNOWN = "Unknown"
    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class IdTagInfo(Struct, frozen=True, kw_only=True, gc=False):
    """OCPP 1.6 IdTagInfo."""

    status: AuthorizationStatus
    expiry_wall_s: WallSeconds | None = None
    parent_id_tag: str = ""


class StartAnswered(Struct, frozen=True, kw_only=True, gc=False, tag="start_answered"):
    """The StartTransaction of one of our transactions is settled."""

    transaction_id: Identifier
    """Ours."""
    backend_transaction_id: int
    """The backend's; -1 when the message was given up (errata 3.18)."""
    id_tag_info: IdTagInfo | None = None
    """None: given up, nobody has judged the id tag."""


class StopAnswered(Struct, frozen=True, kw_only=True, gc=False, tag="stop_answered"):
    transaction_id: Identifier
    id_tag_info: IdTagInfo | None = None
    given_up: bool = False


class QueueFact(Message, frozen=True, kw_only=True):
    """`message_queue.fact`: one numbered fact of the stream to `session`."""

    stream_id: Identifier
    number: Count
    lowest_unacknowledged: Count
    body: StartAnswered | StopAnswered


class QueueStatus(Message, frozen=True, kw_only=True):
    """`message_queue.status`: said at every change, at most once a second."""

    waiting: Count = 0
    transaction: Count = 0
    """Messages of class transaction that wait, the one in flight included."""
    security: Count = 0
    status: Count = 0
    volatile: Count = 0
    capacity: Count = 350
    oldest_wall_s: WallSeconds | None = None
    full: bool = False
    """350 messages wait: what can be evicted is."""
    charging_refused: bool = False
    """No room for another transaction, or `OcppQueueFullAsErrorState` says so: no transaction begins, and with the key
    on charging pauses."""
    status_held_back: bool = False
    """70 or more wait: StatusNotifications are held back (the guide, section 9.9)."""
    given_up: Count = 0
    """Messages given up and kept for people since this store began."""
    discarded: Count = 0
    """Messages discarded for want of room since this process started."""
    in_flight: str = ""
    """OCPP message id."""
    waits_because: str = ""
    """Why the head is not on its way; empty when nothing waits or it is."""


class AuthorizeRequest(Request, frozen=True, kw_only=True):
    """`message_queue.authorize`: Authorize.req. ACCEPTED = the backend answered, with values `status`, and where given
    `expiry_wall_s`, `parent_id_tag`; REJECTED = it could not be asked (offline, time-out, CALLERROR)."""

    id_tag: IdTag


class SendCallRequest(Request, frozen=True, kw_only=True):
    """`message_queue.send`: a volatile CALL, validated before it is queued. ACCEPTED = answered by the backend, value
    `answer` is its JSON payload. SecurityEventNotification alone is durable: ACCEPTED = in the store."""

    action: Word
    payload: LongText


class TriggerStatusRequest(Request, frozen=True, kw_only=True):
    """`message_queue.trigger_status`: StatusNotification now, whether it changed or not (TriggerMessage).

    ACCEPTED when queued.
    """

    connector: StationOrConnector | None = None
    """None = the station (0) and every connector."""


class QueueListRequest(Request, frozen=True, kw_only=True):
    """`message_queue.list`: for people. The rows come as `message_queue.page`s, then the answer."""

    message_id: str = ""
    """Only this one, with its payload and every attempt."""
    given_up: bool = False
    """Those given up instead of those waiting."""
    whole: bool = False
    """With payload and every attempt, as for one message."""


class Attempt(Struct, frozen=True, kw_only=True, gc=False):
    number: Count
    ended_wall_s: WallSeconds
    outcome: str
    detail: str = ""


class QueueRow(Struct, frozen=True, kw_only=True, gc=False):
    message_id: str
    call_class: CallClass
    action: str
    connector: int
    transaction_id: str
    queued_wall_s: WallSeconds
    attempts: Count
    """That were consumed."""
    waits_because: str
    payload: str = ""
    history: tuple[Attempt, ...] = ()


class QueuePage(Message, frozen=True, kw_only=True):
    """`message_queue.page`: at most 50 rows, in the order of sending; fewer where they are long."""

    request_id: str
    page: Count
    pages: Count
    rows: tuple[QueueRow, ...]
