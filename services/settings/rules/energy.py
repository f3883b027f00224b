"""Load management, energy managers, sensors of the site. Pure."""

from services.settings.rules.problem import Board, Problem, Problems, Rule, Values, at_most, is_on, needs, number

PHASES = (1, 2, 3)
FIXED_IP = "DLM Slave (Master-Fixed-IP)"


def operator_group_limit_within_installed(values: Values, _board: Board) -> Problems:
    for phase in PHASES:
        yield from at_most(values, f"DlmOperatorPhase{phase}Limit", f"DlmPhase{phase}Limit", "A")


def headroom_within_main_limit(values: Values, _board: Board) -> Problems:
    if not is_on(values, "DlmExtMeterEnabled"):
        return
    for phase in PHASES:
        yield from at_most(
            values, f"DlmExtLoadHeadroomPhase{phase}", f"DlmExtMeterMainDistributionLimitPhase{phase}", "A"
        )


def group_fallback_within_installed(values: Values, _board: Board) -> Problems:
    if values["DlmHierarchicalMode"] == "Disabled":
        return
    for phase in PHASES:
        yield from at_most(values, f"DlmcMaximumFallbackCurrent{phase}", f"DlmPhase{phase}Limit", "A")


def least_current_within_hardware(values: Values, _board: Board) -> Problems:
    return at_most(values, "DlmMinCurrentRating", "HardwareCurrentLimit", "A")


def member_knows_its_master(values: Values, _board: Board) -> Problems:
    return needs(values, "DlmMode", FIXED_IP, "DlmMasterIp", "the address of the master")


def coordinator_knows_its_broker(values: Values, _board: Board) -> Problems:
    return needs(values, "DlmHierarchicalMode", "Enabled", "DlmcMqttBrokerAddress", "the address of the broker")


def external_meter_is_there(values: Values, _board: Board) -> Problems:
    if is_on(values, "DlmExtMeterEnabled") and values["SecondMeterType"] == "No meter":
        yield Problem(
            ("DlmExtMeterEnabled", "SecondMeterType"),
            "DlmExtMeterEnabled needs a second meter: set SecondMeterType first, or both together",
        )


def demands_in_order(values: Values, _board: Board) -> Problems:
    """At most 0 = not given."""
    for low, high in (
        ("SMAMinEnergyDemand", "SMAMaxEnergyDemand"),
        ("HemsConfigMinEnergyDemand", "HemsConfigOptEnergyDemand"),
        ("HemsConfigMinEnergyDemand", "HemsConfigMaxEnergyDemand"),
        ("HemsConfigOptEnergyDemand", "HemsConfigMaxEnergyDemand"),
    ):
        yield from at_most(values, low, high, "kWh", zero="not given")


def sensors_sent_slower_than_read(values: Values, _board: Board) -> Problems:
    """The guide: the send interval must not be shorter than the retrieval interval."""
    read_s, sent_s = number(values, "BannerPollInterval"), number(values, "BannerSendInterval")
    if read_s is not None and sent_s is not None and sent_s < read_s:
        yield Problem(
            ("BannerPollInterval", "BannerSendInterval"),
            f"BannerSendInterval ({sent_s:g} s) is not shorter than BannerPollInterval ({read_s:g} s): raise the one "
            "or lower the other",
        )


def raw_sensors_read_slowly(values: Values, _board: Board) -> Problems:
    """The guide: when retrieving raw analogue data, the interval must be at least 40 seconds."""
    read_s = number(values, "BannerPollInterval")
    if read_s is not None and read_s < 40 and is_on(values, "BannerReadAnalog"):
        yield Problem(
            ("BannerReadAnalog", "BannerPollInterval"),
            f"BannerReadAnalog needs a BannerPollInterval of at least 40 s, not {read_s:g}",
        )


RULES: tuple[Rule, ...] = (
    operator_group_limit_within_installed,
    headroom_within_main_limit,
    group_fallback_within_installed,
    least_current_within_hardware,
    member_knows_its_master,
    coordinator_knows_its_broker,
    external_meter_is_there,
    demands_in_order,
    sensors_sent_slower_than_read,
    raw_sensors_read_slowly,
)
