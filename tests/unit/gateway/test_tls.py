"""The gateway over TLS, and what must hold before it listens."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from goeswith.command.asking_gateway import Gateway
from goeswith.errors import ConfigError, GoeswithError, ModelUnavailable
from goeswith.profile import Profile, load_profile
from serving.gateway.exposure import check_exposure, is_loopback
from serving.gateway.keys import Keys, create_key, revoke_key
from serving.gateway.process import gateway_address, start_gateway
from serving.gateway.serve import build_client
from tests.tiny_certificates import Authority
from tests.tiny_gateway import running, tiny_app


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def health(where: tuple[str, int], context: ssl.SSLContext) -> bool:
    with urllib.request.urlopen(f"https://{where[0]}:{where[1]}/health", timeout=10, context=context) as found:
        return bool(json.load(found)["features"])


def test_it_serves_tls_that_its_authority_vouches_for(ours: Authority) -> None:
    served = ours.sign("gateway")
    with running(tiny_app(), tls={"certificate": served.certificate, "key": served.key}) as where:
        assert health(where, ssl.create_default_context(cafile=ours.ca))
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            health(where, ssl.create_default_context())


def test_over_mutual_tls_it_talks_to_those_alone_who_show_a_certificate(ours: Authority, tmp_path: Path) -> None:
    served, shown, foreign = ours.sign("gateway"), ours.sign("shop"), Authority(tmp_path, "others").sign("stranger")
    with running(tiny_app(), tls={"certificate": served.certificate, "key": served.key, "ca": ours.ca}) as where:
        context = ssl.create_default_context(cafile=ours.ca)
        for refused in (None, foreign):
            if refused:
                context.load_cert_chain(refused.certificate, refused.key)
            with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
                health(where, context)
        context.load_cert_chain(shown.certificate, shown.key)
        assert health(where, context)


def test_ask_shows_its_key_and_its_certificate(ours: Authority, tmp_path: Path) -> None:
    served, shown, keys = ours.sign("gateway"), ours.sign("shop"), tmp_path / "keys.json"
    key = create_key(keys, "shop", ("ask",))
    tls = {"certificate": served.certificate, "key": served.key, "ca": ours.ca}
    with running(tiny_app(keys=Keys(keys)), tls=tls) as (_, port):

        def asker(**ask: object) -> Gateway:
            return Gateway(load_profile(overrides={"gateway": {"port": port, "tls": tls, "ask": ask}}))

        mine = {"ca": ours.ca, "certificate": shown.certificate, "key": shown.key}
        assert asker(key=key, tls=mine).related("substitutes", "i0", 1, {})["items"]
        with pytest.raises(ConfigError, match="GOESWITH_GATEWAY__ASK__KEY"):
            asker(tls=mine).related("substitutes", "i0", 1, {})
        with pytest.raises(ConfigError, match="GOESWITH_GATEWAY__ASK__TLS__CA"):
            asker(key=key).related("substitutes", "i0", 1, {})
        with pytest.raises((ConfigError, ModelUnavailable)):
            asker(key=key, tls={"ca": ours.ca}).related("substitutes", "i0", 1, {})
        with pytest.raises(ConfigError, match="GOESWITH_GATEWAY__ASK__TLS"):
            asker(key=key, tls={"ca": "/nowhere.pem"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "shop.example", ""])  # noqa: S104 - refused, not bound
def test_without_a_key_it_listens_on_loopback_alone(tmp_path: Path, host: str) -> None:
    open_to_all = load_profile(overrides={"home": tmp_path, "gateway": {"host": host}})
    assert not is_loopback(host)
    for start in (check_exposure, start_gateway):
        with pytest.raises(ConfigError, match="goeswith keys create"):
            start(open_to_all)
    create_key(open_to_all.keys, "shop", ("ask",))
    check_exposure(open_to_all)
    revoke_key(open_to_all.keys, "shop")
    with pytest.raises(ConfigError, match="without any key"):
        check_exposure(open_to_all)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_it_needs_none(tmp_path: Path, host: str) -> None:
    check_exposure(load_profile(overrides={"home": tmp_path, "gateway": {"host": host}}))


def test_certificates_that_cannot_serve_are_named_before_it_starts(ours: Authority, tmp_path: Path) -> None:
    one, two = ours.sign("one"), ours.sign("two")
    (tmp_path / "noise").write_text("no certificate")
    noise = str(tmp_path / "noise")
    for section in ("gateway", "triton"):
        for tls in (
            {"certificate": one.certificate},
            {"key": one.key},
            {"certificate": one.certificate, "key": two.key},
            {"certificate": "/nowhere.crt", "key": one.key},
            {"certificate": one.certificate, "key": one.key, "ca": noise},
            {"certificate": noise, "key": noise},
        ):
            with pytest.raises(ConfigError, match=f"GOESWITH_{section.upper()}__TLS"):
                check_exposure(load_profile(overrides={"home": tmp_path, section: {"tls": tls}}))


def test_clients_certificates_need_tls(ours: Authority, tmp_path: Path) -> None:
    with pytest.raises(GoeswithError, match="plain text"):
        check_exposure(load_profile(overrides={"home": tmp_path, "gateway": {"tls": {"ca": ours.ca}}}))


def test_the_profile_says_how_triton_is_asked(ours: Authority, tmp_path: Path, profile: Profile) -> None:
    shown = ours.sign("gateway")
    tls = {"ca": ours.ca, "certificate": shown.certificate, "key": shown.key}
    mutual = load_profile(overrides={"home": tmp_path, "triton": {"tls": tls}})
    check_exposure(mutual)
    with build_client(mutual) as client:
        found = client.config.tls
    assert found is not None
    assert (str(found.root_certificates), str(found.private_key), str(found.certificate_chain)) == (ours.ca, shown.key, shown.certificate)
    with build_client(profile) as client:
        assert client.config.tls is None


def test_its_address_says_https(ours: Authority) -> None:
    served = ours.sign("gateway")
    tls = {"certificate": served.certificate, "key": served.key}
    assert gateway_address(load_profile(overrides={"gateway": {"tls": tls}})).startswith("https://")
    assert gateway_address(load_profile()).startswith("http://")
