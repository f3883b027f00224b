"""What TLS checks and offers, as `ssl` wants to be told. Reads the installed certificates."""

import ssl
import warnings
from pathlib import Path

from services.ocpp_link.trust import Trust

SECURE_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL"
"""Of TLS 1.2; all of TLS 1.3 are."""
ALL_CIPHERS = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
"""Never without encryption, nor with a partner who shows no certificate: that is what SSLModeClient is for."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which `ssl` has no name for."""


def wrong_with(user_authority: str) -> str:
    """Why a text is no certificate of an authority; empty = it is, or there is none."""
    if not user_authority:
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=user_authority)
    except (ssl.SSLError, ValueError) as error:
        return getattr(error, "reason", None) or str(error)
    return ""


def context_for(trust: Trust, authority: Path | None) -> ssl.SSLContext:
    """`authority`: an installed CA file that replaces the system's; None = the system's. Raises OSError, ssl.SSLError
    for that file; a user's authority that cannot be read is left out: that trusts nobody more."""
    context = ssl.create_default_context(cafile=str(authority) if authority is not None else None)
    if trust.user_authority and not wrong_with(trust.user_authority):
        context.load_verify_locations(cadata=trust.user_authority)
        # Whoever is named is trusted, also where it is not a root itself.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _choose_versions(context, only_secure=trust.only_secure)
    context.check_hostname = trust.check_host
    if not trust.check_chain:
        context.verify_mode = ssl.CERT_NONE
    elif not trust.check_date:
        context.verify_flags |= NO_CHECK_TIME
    return context


def _choose_versions(context: ssl.SSLContext, *, only_secure: bool) -> None:
    if only_secure:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(SECURE_CIPHERS)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is wanted here, and said so
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers(ALL_CIPHERS)
