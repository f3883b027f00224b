"""How strictly a `wss` backend is checked: the keys SSLModeClient, OcppConStrictTls, OcppUserCaCertificate. Pure."""

from dataclasses import dataclass, field

NORMAL = "Normal SSL Auth"
ALL_CIPHERS = "All ciphers"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Everything is checked unless a mode names what it leaves out."""

    check_chain: bool = True
    check_date: bool = True
    check_host: bool = True
    only_secure: bool = True
    """TLS 1.2 or newer with forward secrecy; else whatever the library still speaks."""
    user_authority: str = field(default="", repr=False)
    """PEM, trusted beside the others; empty = none."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not checked, in words; empty = everything is."""
        if not self.check_chain:
            return ("who the backend is",)
        checks = ((self.check_date, "the dates of its certificate"), (self.check_host, "the name in its certificate"))
        return tuple(words for checked, words in checks if not checked)


_MODES = {
    "encrypt only - no authentication": Trust(check_chain=False, check_date=False, check_host=False),
    "allow expired certificate and skip host check": Trust(check_date=False, check_host=False),
    "skip host check": Trust(check_host=False),
    "allow expired certificate": Trust(check_date=False),
}


def trust_of(mode: str, strictness: str, user_authority: str) -> Trust:
    """From the three keys. A word that is not known relaxes nothing."""
    checks = _MODES.get(mode.strip().lower(), Trust())
    return Trust(
        check_chain=checks.check_chain,
        check_date=checks.check_date,
        check_host=checks.check_host,
        only_secure=strictness.strip().lower() != ALL_CIPHERS.lower(),
        user_authority=user_authority.strip(),
    )


def words(trust: Trust) -> str:
    """For the log: what is in force."""
    ciphers = "only secure ciphers" if trust.only_secure else "ALL CIPHERS, ALSO BROKEN ONES"
    if not trust.left_out:
        return f"TLS: the backend is fully authenticated; {ciphers}"
    return f"TLS IS RELAXED by SSLModeClient: NOT CHECKED is {' and '.join(trust.left_out)}; {ciphers}"
