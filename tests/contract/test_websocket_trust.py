"""SSLModeClient, OcppConStrictTls, OcppUserCaCertificate and WebsocketsProxyURL on real sockets."""

import base64
import logging
import shutil
import ssl
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from services.ocpp_link import tls
from services.ocpp_link.connection import Event, Failed, Opened
from services.ocpp_link.trust import Trust, trust_of
from services.ocpp_link.url import Proxy, proxy_of
from services.settings.certificates import broken_blocks
from tests.backend.scripted import ScriptedBackend
from tests.backend.server import BackendServer, make_authority, running
from tests.contract.test_websocket import Driver, proxy_to, strange_server, target_of

pytestmark = pytest.mark.contract

NORMAL, ENCRYPT_ONLY = "Normal SSL Auth", "Encrypt only - No authentication"
SKIP_HOST, EXPIRED, EXPIRED_AND_SKIP_HOST = (
    "Skip host check", "Allow expired certificate", "Allow expired certificate and skip host check",
)  # fmt: skip


class Site:
    """An authority that only the user knows, and backends with certificates of it, right and wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user_authority: dict[str, str] = {}
        self.contexts: dict[str, ssl.SSLContext] = {}
        for name, options in (
            ("right", {}),
            ("expired", {"days": 0}),
            ("of another host", {"host": "other.example"}),
            ("expired and of another host", {"days": 0, "host": "other.example"}),
        ):
            own = folder / name
            own.mkdir()
            authority, self.contexts[name] = make_authority(own, **options)
            self.user_authority[name] = authority.read_text(encoding="ascii")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which makes the certificates, is not installed: install the package openssl")
    return Site(tmp_path_factory.mktemp("trust"))


def dialled(server: BackendServer, trust: Trust, tmp_path: Path, proxy: Proxy | None = None) -> Event:
    driver = Driver(tmp_path / "no-ca.pem")
    event = driver.dial(replace(target_of(server.url, proxy=proxy), trust=trust))
    driver.connection.close()
    return event


@pytest.mark.parametrize(
    ("mode", "passes"),
    [
        (NORMAL, {"right"}),
        (SKIP_HOST, {"right", "of another host"}),
        (EXPIRED, {"right", "expired"}),
        (EXPIRED_AND_SKIP_HOST, {"right", "expired", "of another host", "expired and of another host"}),
        (ENCRYPT_ONLY, {"right", "expired", "of another host", "expired and of another host"}),
        ("a word nobody knows", {"right"}),
    ],
)
def test_a_mode_leaves_out_what_it_names_and_nothing_else(
    tmp_path: Path, site: Site, mode: str, passes: set[str]
) -> None:
    passed = set()
    for name, context in site.contexts.items():
        with running(ScriptedBackend(), tls=context) as server:
            event = dialled(server, trust_of(mode, "Only secure ciphers", site.user_authority[name]), tmp_path)
            if isinstance(event, Opened):
                passed.add(name)
            else:
                assert isinstance(event, Failed)
                assert "not trusted" in event.reason
    assert passed == passes


@pytest.mark.parametrize("mode", [NORMAL, SKIP_HOST, EXPIRED, EXPIRED_AND_SKIP_HOST])
def test_an_authority_that_nobody_installed_is_not_trusted_in_any_mode_that_checks_one(
    tmp_path: Path, site: Site, mode: str
) -> None:
    with running(ScriptedBackend(), tls=site.contexts["right"]) as server:
        event = dialled(server, trust_of(mode, "Only secure ciphers", ""), tmp_path)
        assert isinstance(event, Failed)
        assert "not trusted" in event.reason
        unread = trust_of(mode, "Only secure ciphers", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
        assert isinstance(dialled(server, unread, tmp_path), Failed), "an unreadable authority trusts nobody more"


def test_encryption_only_needs_no_authority_at_all(tmp_path: Path, site: Site) -> None:
    with running(ScriptedBackend(), tls=site.contexts["right"]) as server:
        assert dialled(server, trust_of(ENCRYPT_ONLY, "", ""), tmp_path) == Opened("ocpp1.6")


def test_the_users_authority_is_trusted_beside_the_installed_one(tmp_path: Path, site: Site) -> None:
    installed = tmp_path / "no-ca.pem"
    installed.write_text(site.user_authority["expired"], encoding="ascii")
    with running(ScriptedBackend(), tls=site.contexts["right"]) as server:
        trust = trust_of(NORMAL, "Only secure ciphers", site.user_authority["right"])
        assert dialled(server, trust, tmp_path) == Opened("ocpp1.6")
        assert isinstance(dialled(server, Trust(), tmp_path), Failed), "the installed one replaces the system's"


def test_what_is_no_certificate_is_told(site: Site) -> None:
    assert tls.wrong_with("") == ""
    assert tls.wrong_with(site.user_authority["right"]) == ""
    assert tls.wrong_with(site.user_authority["right"] + site.user_authority["expired"]) == ""
    for text in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "\x00"):
        assert tls.wrong_with(text)


def weak(site: Site, ciphers: str, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The right certificate, and a backend that knows nothing better than this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.folder / "right" / "cert.pem", site.folder / "right" / "key.pem")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    context.set_ciphers(ciphers)
    return context


@pytest.mark.parametrize(
    ("ciphers", "version", "what"),
    [
        ("AES128-SHA256", ssl.TLSVersion.TLSv1_2, "no forward secrecy"),
        ("ECDHE-RSA-AES128-SHA256", ssl.TLSVersion.TLSv1_2, "CBC, no authenticated encryption"),
        ("ECDHE-RSA-AES128-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1, "TLS 1.1"),
    ],
)
def test_only_secure_ciphers_refuses_what_all_ciphers_takes(
    tmp_path: Path, site: Site, ciphers: str, version: ssl.TLSVersion, what: str
) -> None:
    authority = site.user_authority["right"]
    with running(ScriptedBackend(), tls=weak(site, ciphers, version)) as server:
        event = dialled(server, trust_of(NORMAL, "Only secure ciphers", authority), tmp_path)
        assert isinstance(event, Failed), what
        assert "OcppConStrictTls" in event.reason
        assert dialled(server, trust_of(NORMAL, "All ciphers", authority), tmp_path) == Opened("ocpp1.6"), what


@pytest.mark.parametrize("strictness", ["Only secure ciphers", "All ciphers"])
def test_nothing_without_encryption_or_certificate_is_ever_offered(strictness: str) -> None:
    context = tls.context_for(trust_of(ENCRYPT_ONLY, strictness, ""), None)
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert names
    assert not [name for name in names if "NULL" in name or name.startswith(("ADH", "AECDH"))]


def test_settings_see_when_a_certificate_was_cut_off(site: Site) -> None:
    whole = site.user_authority["right"]
    lines = whole.splitlines()
    cut = "\n".join([*lines[:5], lines[-1]])
    assert broken_blocks("") == broken_blocks(whole) == broken_blocks(whole.replace("\n", "\r\n")) == []
    assert broken_blocks(f"{whole}\n{cut}") == [2]
    assert broken_blocks(whole.replace(lines[3], lines[3][:-4] + "====")) == [1]
    assert tls.wrong_with(cut)


# the proxy


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_with_a_password_leads_to_the_backend(
    tmp_path: Path, site: Site, secure: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[bytes] = []
    trust = trust_of(NORMAL, "", site.user_authority["right"])
    with (
        running(ScriptedBackend(), tls=site.contexts["right"] if secure else None) as server,
        strange_server(proxy_to(b"200 OK", seen)) as url,
    ):
        port = url.rstrip("/").rpartition(":")[2]
        proxy = proxy_of(f"fleet@127.0.0.1:{port}", "pass:word ü")
        assert dialled(server, trust, tmp_path, proxy) == Opened("ocpp1.6")
        assert server.requests, "through the tunnel"
    (line,) = [line for line in seen[0].split(b"\r\n") if line.startswith(b"Proxy-Authorization: Basic ")]
    assert base64.b64decode(line.split()[-1]).decode() == "fleet:pass:word ü"
    assert "pass:word" not in caplog.text
    assert "pass:word" not in repr(proxy)


def test_without_the_proxy_nothing_goes_out(tmp_path: Path) -> None:
    with running(ScriptedBackend()) as server:
        event = dialled(server, Trust(), tmp_path, proxy_of("127.0.0.1:1", ""))
        assert isinstance(event, Failed)
        assert server.requests == [], "no way around the proxy"


def test_a_proxy_that_wants_a_password_says_where_to_put_it(tmp_path: Path) -> None:
    with (
        running(ScriptedBackend()) as server,
        strange_server(proxy_to(b"407 Proxy Authentication Required", [])) as url,
    ):
        event = dialled(server, Trust(), tmp_path, proxy_of(url.removeprefix("ws://").rstrip("/"), ""))
    assert isinstance(event, Failed)
    assert "WebsocketsProxyPassword" in event.reason
