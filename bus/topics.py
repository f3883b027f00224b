"""The one table of everything that is said on the bus. Subscriptions, tap, recorder, docs and tests derive from it."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from schemas import base, hmi, message_queue, metering, ocpp_link, safety, session, settings, system

T_co = TypeVar("T_co", bound=base.Message, covariant=True)
T = TypeVar("T", bound=base.Message)

OWNERS = ("safety", "metering", "session", "message_queue", "ocpp_link", "settings", "system", "hmi", "world")
"""Every process of the station, in the order supervisord starts them; `world` only on the simulated board."""


class Kind(str, Enum):
    STATE = "state"
    """The latest one is true until the next."""
    EVENT = "event"
    """Happened once."""
    REQUEST = "request"
    """Sent up to the owner, which publishes it again when it accepts it."""
    LEASE = "lease"
    """A state that ends by itself at its `until_s`, whoever dies."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Topic(Generic[T_co]):
    name: str
    body: type[T_co]
    owner: str
    kind: Kind
    about: str
    key: str = ""
    """What the key means ("connector", "meter"); empty = the topic has no key."""
    silence_s: float | None = None
    """Longest healthy silence; after it the last value is called silent. None = it may stay quiet for ever."""
    retained: bool = False
    """Sent again by its owner to every subscriber that appears."""
    recorded: bool = True
    secret: bool = False
    """Never printed, recorded or bundled."""

    def __str__(self) -> str:
        return self.name


def _state(name: str, body: type[T], about: str, key: str = "", silence_s: float | None = None) -> Topic[T]:
    owner = name.partition(".")[0]
    return Topic(
        name=name, body=body, owner=owner, kind=Kind.STATE, about=about, key=key, silence_s=silence_s, retained=True
    )


def _request(name: str, body: type[T], about: str) -> Topic[T]:
    return Topic(name=name, body=body, owner=name.partition(".")[0], kind=Kind.REQUEST, about=about)


SAFETY_CONNECTOR = _state(
    "safety.connector", safety.SafetyConnector, "pilot, contactor and lock of one connector", "connector", 3.0
)
SAFETY_STATION = _state(
    "safety.station", safety.SafetyStation, "temperatures, digital inputs and outputs of the board", "", 3.0
)

SAFETY_LOOK = _request("safety.look", safety.LookRequest, "asks for every reading of a connector")
SAFETY_SET_OUTPUT = _request("safety.set_output", safety.SetOutputRequest, "switches a free output")
SAFETY_READ_INPUTS = _request("safety.read_inputs", safety.ReadInputsRequest, "asks for the free inputs and outputs")
SAFETY_EXERCISE = _request("safety.exercise", safety.ExerciseRequest, "tries out a part with no vehicle present")

METERING_READING = _state(
    "metering.reading", metering.MeterReading, "the latest sample of one meter, its quality and age", "meter", 5.0
)
METERING_RING_REQUEST = _request("metering.ring_request", metering.RingRequest, "asks for samples of the last 15 min")
METERING_SIGN = _request("metering.sign", metering.SignRequest, "asks for the signed record of a transaction's end")
METERING_RING_PAGE = Topic(
    name="metering.ring_page",
    body=metering.RingPage,
    owner="metering",
    kind=Kind.EVENT,
    about="up to 120 samples of one meter",
    key="meter",
    recorded=False,
)

SESSION_PERMISSION = Topic(
    name="session.permission",
    body=session.Permission,
    owner="session",
    kind=Kind.LEASE,
    about="may this connector charge, and with how much; 10 s long, renewed every second",
    key="connector",
    retained=True,
)
SESSION_CONNECTOR = _state(
    "session.connector",
    session.SessionConnector,
    "transaction, OCPP status, current limit and its reason",
    "connector",
    25.0,
)
SESSION_FACT = Topic(
    name="session.fact",
    body=session.Fact,
    owner="session",
    kind=Kind.EVENT,
    about="one billing fact of the numbered stream to message_queue; repeated until acknowledged",
)
SESSION_STOP_TRANSACTION = _request("session.stop_transaction", session.StopTransactionRequest, "stops by command")
SESSION_START_TRANSACTION = _request("session.start_transaction", session.StartTransactionRequest, "starts by command")
SESSION_SWITCH_PHASES = _request(
    "session.switch_phases", session.SwitchPhasesRequest, "charges with one phase or three by command"
)

SESSION_STATION = _state(
    "session.station", session.SessionStation, "OCPP status of the station as a whole (connector 0)"
)
SESSION_REMOTE_START = _request("session.remote_start", session.RemoteStartRequest, "RemoteStartTransaction")
SESSION_REMOTE_STOP = _request("session.remote_stop", session.RemoteStopRequest, "RemoteStopTransaction")
SESSION_CHANGE_AVAILABILITY = _request(
    "session.change_availability", session.ChangeAvailabilityRequest, "ChangeAvailability"
)
SESSION_UNLOCK_CONNECTOR = _request("session.unlock_connector", session.UnlockConnectorRequest, "UnlockConnector")
SESSION_CLEAR_CACHE = _request("session.clear_cache", session.ClearCacheRequest, "ClearCache")
SESSION_TRIGGER_METER_VALUES = _request(
    "session.trigger_meter_values", session.TriggerMeterValuesRequest, "MeterValues by TriggerMessage"
)
SESSION_ACKNOWLEDGED = Topic(
    name="session.acknowledged",
    body=base.Acknowledged,
    owner="session",
    kind=Kind.EVENT,
    about="how far session has taken the facts of message_queue",
)

QUEUE_OFFER = _state("message_queue.offer", message_queue.Offer, "the CALL to send next")
QUEUE_SETTLED = Topic(
    name="message_queue.settled",
    body=message_queue.Settled,
    owner="message_queue",
    kind=Kind.EVENT,
    about="the outcome of a CALL is stored",
)
QUEUE_STATUS = _state("message_queue.status", message_queue.QueueStatus, "how many messages wait, and why")
QUEUE_FACT = Topic(
    name="message_queue.fact",
    body=message_queue.QueueFact,
    owner="message_queue",
    kind=Kind.EVENT,
    about="one fact of the numbered stream to session: what the backend answered; repeated until acknowledged",
)
QUEUE_ACKNOWLEDGED = Topic(
    name="message_queue.acknowledged",
    body=base.Acknowledged,
    owner="message_queue",
    kind=Kind.EVENT,
    about="how far message_queue has taken the facts of session",
)
QUEUE_AUTHORIZE = _request("message_queue.authorize", message_queue.AuthorizeRequest, "Authorize")
QUEUE_SEND = _request("message_queue.send", message_queue.SendCallRequest, "a volatile CALL")
QUEUE_TRIGGER_STATUS = _request(
    "message_queue.trigger_status", message_queue.TriggerStatusRequest, "StatusNotification by TriggerMessage"
)
QUEUE_LIST = _request("message_queue.list", message_queue.QueueListRequest, "asks for the waiting messages")
QUEUE_PAGE = Topic(
    name="message_queue.page",
    body=message_queue.QueuePage,
    owner="message_queue",
    kind=Kind.EVENT,
    about="up to 50 messages, for people",
    recorded=False,
)

LINK_STATUS = _state("ocpp_link.status", ocpp_link.LinkStatus, "the connection to the backend", silence_s=25.0)
LINK_OUTCOME = Topic(
    name="ocpp_link.outcome",
    body=ocpp_link.CallOutcome,
    owner="ocpp_link",
    kind=Kind.EVENT,
    about="what became of a CALL; repeated until settled",
)

SETTINGS_VALUES = _state("settings.values", settings.SettingsSnapshot, "the value of every configuration key")
SETTINGS_LIVE = _state("settings.live", settings.LiveValues, "read-only keys that show what other services say")
SETTINGS_SECRETS = Topic(
    name="settings.secrets",
    body=settings.SecretValues,
    owner="settings",
    kind=Kind.STATE,
    about="passwords, for the services that need them",
    retained=True,
    recorded=False,
    secret=True,
)
SETTINGS_GET_CONFIGURATION = _request(
    "settings.get_configuration", settings.GetConfigurationRequest, "GetConfiguration"
)
SETTINGS_CHANGE = Topic(
    name="settings.change",
    body=settings.ChangeSettingRequest,
    owner="settings",
    kind=Kind.REQUEST,
    about="changes one configuration key",
    recorded=False,
    secret=True,
)
SETTINGS_CHANGE_SET = Topic(
    name="settings.change_set",
    body=settings.ChangeSetRequest,
    owner="settings",
    kind=Kind.REQUEST,
    about="changes several configuration keys, all or none",
    recorded=False,
    secret=True,
)
SETTINGS_EXPLAIN = _request("settings.explain", settings.ExplainRequest, "the values of keys, told apart")
SETTINGS_HISTORY = _request("settings.history", settings.HistoryRequest, "asks for the audit trail")

SYSTEM_BOOT = _state("system.boot", system.Boot, "which start of the station this is, and why it started")
SYSTEM_CLOCK = _state("system.clock", system.StationClock, "the offset of station wall time")
SYSTEM_FAULTS = _state("system.faults", system.StationFaults, "active faults of all owners, with words")
SYSTEM_EVENTS = _state("system.events", system.EventHistory, "the latest events")
SYSTEM_EVENT = _request("system.event", system.EventRequest, "adds to the history of events")
SYSTEM_REBOOT = _request("system.reboot", system.RebootRequest, "restarts the whole station")
SYSTEM_RESET = _state("system.reset", system.Reset, "a reboot is pending")
SYSTEM_SET_CLOCK = _request("system.set_clock", system.SetClockRequest, "sets station wall time")

HMI_CARD = Topic(
    name="hmi.card", body=hmi.CardPresented, owner="hmi", kind=Kind.EVENT, about="a card was held to a reader"
)
HMI_LIGHT_TEST = _request("hmi.light_test", hmi.LightTestRequest, "shows every colour of every light")
HMI_CONNECTOR = _state("hmi.connector", hmi.HmiConnector, "what light and display of a connector show", "connector")


HEARTBEATS = {
    owner: Topic(
        name=f"{owner}.heartbeat",
        body=base.Heartbeat,
        owner=owner,
        kind=Kind.STATE,
        about="alive once a second, with counters",
        silence_s=3.0,
        retained=True,
        recorded=False,
    )
    for owner in OWNERS
}
ANSWERED = {
    owner: Topic(
        name=f"{owner}.answered",
        body=base.Answered,
        owner=owner,
        kind=Kind.EVENT,
        about="the outcome of a request",
    )
    for owner in OWNERS
}
WITHDRAWN = {
    owner: Topic(
        name=f"{owner}.withdrawn",
        body=base.Withdrawn,
        owner=owner,
        kind=Kind.REQUEST,
        about="sent up: the requester gave up",
    )
    for owner in OWNERS
}
FAULTS = {
    owner: _state(f"{owner}.faults", base.ActiveFaults, "faults raised by this owner and not cleared")
    for owner in ("safety", "metering", "session", "message_queue", "ocpp_link", "settings", "hmi")
}

NOTICES = {
    owner: Topic(
        name=f"{owner}.notice",
        body=base.Notice,
        owner=owner,
        kind=Kind.EVENT,
        about="something worth telling the backend while nothing is wrong",
        key="connector",
    )
    for owner in ("safety", "session")
}
"""By owner. Key 0 is the station."""


def _table() -> dict[str, Topic[base.Message]]:
    named = [value for value in globals().values() if isinstance(value, Topic)]
    families = [*HEARTBEATS.values(), *ANSWERED.values(), *WITHDRAWN.values(), *FAULTS.values(), *NOTICES.values()]
    return {topic.name: topic for topic in [*named, *families]}


TOPICS: dict[str, Topic[base.Message]] = _table()
"""Every topic by name."""
