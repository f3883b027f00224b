"""How many phases a connector charges with, in words. Pure."""


def phase_words(given: int, asked: int, wanted: int) -> str:
    """`given`: as the relay shows; `asked`: of `safety`; `wanted`: by command; 0 each as in `SessionConnector`.

    Empty = nothing is switched at this connector, or nothing is known.
    """
    if not given and not asked:
        return ""
    words = _count(given) if given else "phases not proven"
    if asked and asked != given:
        words += f", changing to {asked}"
    return words + (" (by command)" if wanted else "")


def _count(phases: int) -> str:
    return "1 phase" if phases == 1 else f"{phases} phases"
