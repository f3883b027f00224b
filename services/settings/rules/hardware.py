"""Temperatures, and who uses which input and output of the controller. Pure."""

from services.settings.rules.problem import Board, Problem, Problems, Rule, Values, is_on, number, own_place
from services.settings.table import KEYS

INPUT_USERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("WeldCheck", {"Opto input 1": "input 1", "Opto input 2": "input 2"}),
    ("AuthorizationInput", {"Input 1": "input 1", "Input 2": "input 2"}),
    ("DlmInput1CurrOffsetCfg", {"Enable": "input 1"}),
    ("RCDENABLE", {"Opto input": "input 1"}),
)
"""Key, and the input that each of its values takes."""
AUXILIARY_USERS = {"WeldCheckAuxRelay": "false", "RCDAUTORECLOSURE": "Off", "OCPPSchuko": "false"}
"""Key of each use of the auxiliary output (shunt trip, RCD recloser, domestic socket), and its value without it."""
BOTH_INPUTS = "InputOutputBackendControlledMode"


def reduce_before_stop(values: Values, _board: Board) -> Problems:
    """Derating that begins where charging stops already would never act."""
    reduce_c, stop_c = number(values, "TempReduceThreshold1"), number(values, "TempStopThreshold2")
    if reduce_c is not None and stop_c is not None and reduce_c >= stop_c:
        yield Problem(
            ("TempReduceThreshold1", "TempStopThreshold2"),
            f"TempReduceThreshold1 ({reduce_c:g} °C) is below TempStopThreshold2 ({stop_c:g} °C): the current is "
            "reduced before charging stops. Lower the first, or raise the second first",
        )


def each_input_once(values: Values, board: Board) -> Problems:
    users: dict[str, str] = {}
    for name, inputs in INPUT_USERS:
        connectors = range(1, board.connectors + 1) if KEYS[name].per_connector else (1,)
        for connector in connectors:
            where = own_place(values, name, connector)
            taken = inputs.get(values[where])
            if taken is not None and taken in users:
                first = users[taken]
                both = f"{where} and {first} both use" if where != first else f"{where} makes several connectors use"
                yield Problem((where, first), f"{both} {taken}: an input has one use, switch one of them off")
            elif taken is not None:
                users[taken] = where


def one_use_of_the_auxiliary_output(values: Values, _board: Board) -> Problems:
    """It is wired to one of them."""
    used = _uses_of_the_auxiliary_output(values)
    if len(used) > 1:
        yield Problem((used[1], used[0]), f"{' and '.join(used)} use the same auxiliary output: switch all but one off")


def _uses_of_the_auxiliary_output(values: Values) -> list[str]:
    return [name for name, off in AUXILIARY_USERS.items() if values.get(name, off) != off]


def reset_reaches_the_rcd(values: Values, _board: Board) -> Problems:
    """RCDRESET uses the output as RCDAUTORECLOSURE does, ordered instead of by itself."""
    for name in _uses_of_the_auxiliary_output(values):
        if name != "RCDAUTORECLOSURE":
            yield Problem(
                ("RCDRESET",),
                f"RCDRESET cannot close the RCD: the auxiliary output serves {name}. Switch the RCD on by hand; where "
                f"the output is wired to an RCD recloser, switch {name} off first",
            )


def input_reports_need_backend_mode(values: Values, _board: Board) -> Problems:
    """The guide: requires 'Backend controlled mode for inputs and outputs' set to 'On'."""
    if is_on(values, "InputChangeNotifyBackend") and values[BOTH_INPUTS] == "false":
        yield Problem(
            ("InputChangeNotifyBackend", BOTH_INPUTS),
            f"InputChangeNotifyBackend needs {BOTH_INPUTS}: switch that on first, or both together",
        )


def reclosure_needs_detection(values: Values, _board: Board) -> Problems:
    """A monitoring relay does not tell which device has tripped, and a circuit breaker is never closed by itself."""
    if values["RCDAUTORECLOSURE"] == "On" and values["RCDENABLE"] == "Off":
        yield Problem(
            ("RCDAUTORECLOSURE", "RCDENABLE"),
            "RCDAUTORECLOSURE needs to know when the RCD has tripped: set RCDENABLE too",
        )


RULES: tuple[Rule, ...] = (
    reduce_before_stop,
    each_input_once,
    one_use_of_the_auxiliary_output,
    input_reports_need_backend_mode,
    reclosure_needs_detection,
)
