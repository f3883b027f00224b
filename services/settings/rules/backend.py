"""Connection to the backend and its security. Pure."""

from services.settings.certificates import broken_blocks
from services.settings.rules.problem import Board, Problem, Problems, Rule, Values, number

URL, PROFILE = "OCPPBackendJSONURL", "SecurityProfile"


def link_exists(values: Values, board: Board) -> Problems:
    chosen = values["ConnectionType"]
    if chosen not in board.links:
        yield Problem(
            ("ConnectionType",),
            f"ConnectionType {chosen} needs hardware that this board does not have; it has: " + ", ".join(board.links),
        )


def profile_fits_the_url(values: Values, _board: Board) -> Problems:
    """Security whitepaper: profile 1 is ws:// with a password, 2 and 3 are wss://."""
    profile, url = int(number(values, PROFILE) or 0), values[URL].lower()
    if profile >= 2 and url and not url.startswith("wss://"):
        yield Problem(
            (PROFILE, URL), f"{PROFILE} {profile} needs encryption: give {URL} as wss:// first, or both together"
        )


def profile_has_its_password(values: Values, _board: Board) -> Problems:
    profile = int(number(values, PROFILE) or 0)
    if profile in (1, 2) and values["HTTPBasicAuthPassword"] == "":
        yield Problem(
            (PROFILE, "HTTPBasicAuthPassword"),
            f"{PROFILE} {profile} needs a password: set HTTPBasicAuthPassword (or AuthorizationKey) first",
        )


def profile_has_its_certificate(values: Values, _board: Board) -> Problems:
    if number(values, PROFILE) == 3 and not values["OcppCertificate"]:
        yield Problem(
            (PROFILE,), f"{PROFILE} 3 needs a certificate of this station, and there is none: use profile 2, or get one"
        )


def verification_with_profile(values: Values, _board: Board) -> Problems:
    """A profile that promises a verified backend is no longer one when the check is off."""
    strict = "Normal SSL Auth"
    if (number(values, PROFILE) or 0) >= 2 and values["SSLModeClient"] != strict:
        yield Problem(
            ("SSLModeClient", PROFILE),
            f"{PROFILE} 2 and 3 promise a verified backend: SSLModeClient stays {strict}; put a private authority into "
            "OcppUserCaCertificate",
        )


def watchdog_slower_than_the_connection(values: Values, _board: Board) -> Problems:
    watchdog_s = number(values, "TcpWatchdogTimeout")
    for other in ("BackendConnectionTimeout", "WebSocketPingInterval"):
        other_s = number(values, other)
        if watchdog_s and other_s is not None and watchdog_s <= other_s:
            yield Problem(
                ("TcpWatchdogTimeout", other),
                f"TcpWatchdogTimeout ({watchdog_s:g} s) would reboot a healthy station: it is 0 (never) or longer than "
                f"{other} ({other_s:g} s)",
            )


def proxy_password_has_a_user(values: Values, _board: Board) -> Problems:
    if values["WebsocketsProxyPassword"] and "@" not in values["WebsocketsProxyURL"]:
        yield Problem(
            ("WebsocketsProxyPassword", "WebsocketsProxyURL"),
            "WebsocketsProxyPassword belongs to a user: give WebsocketsProxyURL as USER@HOST:PORT first, or both "
            "together",
        )


def authority_is_whole(values: Values, _board: Board) -> Problems:
    broken = broken_blocks(values["OcppUserCaCertificate"])
    if broken:
        yield Problem(
            ("OcppUserCaCertificate",),
            f"OcppUserCaCertificate: certificate {broken[0]} is cut off or damaged; copy the whole file, with BEGIN "
            "and END",
        )


RULES: tuple[Rule, ...] = (
    link_exists,
    profile_fits_the_url,
    profile_has_its_password,
    profile_has_its_certificate,
    verification_with_profile,
    watchdog_slower_than_the_connection,
    proxy_password_has_a_user,
    authority_is_whole,
)
