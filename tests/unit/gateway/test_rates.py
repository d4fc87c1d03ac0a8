"""Rate limits: each caller has its own, watchers have none."""

from pathlib import Path

import pytest

from goeswith.errors import ConfigError
from goeswith.profile import load_profile
from goeswith.settings import GatewaySettings
from serving.gateway.keys import Keys
from serving.gateway.rates import caller_of
from tests.tiny_gateway import bearer, tiny_gateway

THREE = GatewaySettings(rate="3/hour")


def test_above_the_rate_the_answer_is_429_and_says_how_long_to_wait() -> None:
    gateway = tiny_gateway(settings=THREE)
    assert [gateway.get("/items/i3").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = gateway.get("/items/i3")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    assert (refused.json()["error"], refused.json()["what"]) == ("TooManyRequests", "more than 3/hour")


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    gateway = tiny_gateway(settings=THREE, keys=Keys(path))
    one, two = bearer(path, "ask"), bearer(path, "ask", name="other")
    assert [gateway.get("/items/i3", headers=one).status_code for _ in range(4)][-1] == 429
    assert gateway.get("/items/i3", headers=two).status_code == 200


def test_watchers_are_never_turned_away() -> None:
    gateway = tiny_gateway(settings=GatewaySettings(rate="1/hour"))
    assert {gateway.get(path).status_code for path in ("/health", "/ready", "/metrics") for _ in range(3)} == {200}


def test_a_network_of_ipv6_is_one_caller_and_no_header_makes_another() -> None:
    def at(host: str) -> str:
        return caller_of({"type": "http", "client": (host, 1), "headers": [(b"x-forwarded-for", b"9.9.9.9")]})

    assert at("2001:db8::1") == at("2001:db8::ffff") != at("2001:db8:0:1::1")
    assert at("10.0.0.1") != at("10.0.0.2")
    assert caller_of({"type": "http", "client": None}) == ""


@pytest.mark.parametrize("rate", ["", "many", "0/minute", "-1/minute", "10", "10/fortnight"])
def test_a_rate_that_is_none_is_refused_with_the_profile(rate: str) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.rate"):
        load_profile(overrides={"gateway": {"rate": rate}})
