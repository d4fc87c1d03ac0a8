"""The gateway as a process over the real feature store: started, asked, found, stopped."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feature_repo.jobs import materialise
from goeswith.command.asking import build_asker
from goeswith.errors import ConfigError, EnvironmentMissing, ModelUnavailable, UnknownItem
from goeswith.experiments.readout import read_out
from goeswith.experiments.registry import find_experiment, start_experiment, stop_experiment
from goeswith.jobs import JobRun
from goeswith.ports import free_ports
from goeswith.profile import Profile, load_profile
from goeswith_client import Answer, Exposure
from serving.gateway.keys import create_key
from serving.gateway.process import gateway_address, gateway_status, start_gateway, stop_gateway
from spark_jobs import take_feedback
from tests.tiny_certificates import Authority
from tests.tiny_features import write_tiny_features

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Return a profile on free ports over a materialised tiny lake; no Triton runs."""
    gateway, grpc = free_ports(2)
    found = load_profile(overrides={"home": tmp_path_factory.mktemp("home"), "gateway": {"port": gateway}, "triton": {"grpc_port": grpc}})
    write_tiny_features(found)
    materialise.run(JobRun(profile=found, run_id="tiny"))
    return found


@pytest.fixture(scope="module")
def running(profile: Profile) -> Iterator[Profile]:
    """Start the gateway, and stop it."""
    start_gateway(profile)
    yield profile
    stop_gateway(profile)


def get(profile: Profile, path: str) -> Any:
    with urllib.request.urlopen(gateway_address(profile) + path, timeout=30) as found:  # noqa: S310 - http, on loopback
        return json.load(found)


def test_precomputed_answers_come_from_feast_with_triton_away(running: Profile) -> None:
    answer = get(running, "/ask/complements/racket-red-0?k=2")
    assert {item["item_id"] for item in answer["items"]} == {"balls-red-0", "balls-red-1"}
    assert (answer["source"], answer["versions"]["release"], answer["versions"]["model_version"]) == ("precomputed", "tiny-features", "tiny")
    assert answer["items"][0]["title"].startswith("red balls")
    assert answer["items"][0]["reason"] == "bought together 5 times, lift 4.0"


def test_the_chain_ends_with_what_sells_best(running: Profile) -> None:
    answer = get(running, "/ask/complements/balls-red-0?k=3")
    assert answer["source"] == "category_bestseller"
    assert any("Triton" in note for note in answer["notes"])


def test_explain_reads_the_edge_of_the_full_graph(running: Profile) -> None:
    found = get(running, "/explain/racket-red-0/balls-red-0")
    assert [(edge["type"], edge["n"], edge["lift"]) for edge in found["edges"]] == [("complement", 5, 4.0)]
    assert found["modalities"] == ["text", "image"]
    assert {"items", "relations"} <= set(found["tables"])


def test_the_explorer_lives_in_the_same_process(running: Profile) -> None:
    with urllib.request.urlopen(gateway_address(running) + "/", timeout=30) as page:  # noqa: S310 - http, on loopback
        assert b"<title>goeswith</title>" in page.read()
    assert get(running, "/search?q=red%20racket")["items"][0]["item_id"] == "racket-red-0"
    assert get(running, "/dashboard")["release"]["name"] == "tiny-features"


def test_what_became_of_an_answer_is_taken_with_the_arm_that_it_was_made_in(running: Profile) -> None:
    arms = [{"name": "lists", "share": 0.5}, {"name": "sales", "share": 0.5, "treatment": {"steps": ["category_bestseller"]}}]
    begun = start_experiment(running, "lists", "complement", arms, (), "", "test")
    for unit in ("visitor-1", "visitor-2", "visitor-3"):
        answer = Answer.model_validate(get(running, f"/ask/complements/racket-red-0?k=2&unit={unit}"))
        assert answer.trial is not None
        assert answer.trial.arm == begun.assign(unit).name
        assert answer.source == {"lists": "precomputed", "sales": "category_bestseller"}[answer.trial.arm]
        body = json.dumps({"events": [Exposure.of(answer, unit, datetime.now(UTC)).model_dump(mode="json")]}).encode()
        asked = urllib.request.Request(gateway_address(running) + "/events", body, {"Content-Type": "application/json"})  # noqa: S310 - http, on loopback
        with urllib.request.urlopen(asked, timeout=30) as taken:  # noqa: S310 - as above
            assert (taken.status, json.load(taken)) == (202, {"accepted": 1, "flagged": 0})
    stop_experiment(running, "lists", "test")
    assert take_feedback.run(JobRun(profile=running, run_id="tiny")).summary["rows"]["kept"] == 3
    assert sum(arm.answers for arm in read_out(running, find_experiment(running, "lists")).arms) == 3


def test_an_unknown_item_is_404_with_the_nearest_ids(running: Profile) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(running, "/ask/substitutes/racket-red-9")
    assert caught.value.code == 404
    assert "racket-red-0" in json.load(caught.value)["nearest"]


def test_health_says_that_triton_is_away(running: Profile) -> None:
    health = get(running, "/health")
    assert (health["features"], health["triton"]) == (True, False)


def test_starting_it_again_leaves_it_as_it_is(running: Profile) -> None:
    before = gateway_status(running)
    assert start_gateway(running).pid == before.pid
    assert before.running


def test_the_local_client_answers_and_refuses_as_the_gateway_does(running: Profile) -> None:
    there, here = build_asker(running, local=False), build_asker(running, local=True)
    answers = [asker.related("substitutes", "pan-blue-0", 1, {}) for asker in (there, here)]
    assert answers[0]["items"] == answers[1]["items"]
    for asker in (there, here):
        with pytest.raises(UnknownItem, match="did you mean pan-blue"):
            asker.explain("pan-blue-7", "pan-blue-1")


def test_a_port_in_use_is_named_with_the_remedy(profile: Profile, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = load_profile(overrides={"home": tmp_path, "gateway": {"port": port}})
        with pytest.raises(EnvironmentMissing, match=f"port {port}.*\n.*GOESWITH_GATEWAY__PORT"):
            start_gateway(other)


def test_as_a_process_it_serves_tls_wants_a_key_and_logs_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path, "ours")
    served = authority.sign("gateway")
    monkeypatch.setenv("GOESWITH_GATEWAY__TLS__CERTIFICATE", served.certificate)
    monkeypatch.setenv("GOESWITH_GATEWAY__TLS__KEY", served.key)
    monkeypatch.setenv("GOESWITH_GATEWAY__ASK__TLS__CA", authority.ca)
    secure = load_profile(overrides={"home": tmp_path, "gateway": {"port": free_ports(1)[0]}})
    key = create_key(secure.keys, "shop", ("ask",))
    state = start_gateway(secure)
    try:
        with pytest.raises(ConfigError, match="a question without a key"):
            build_asker(secure, local=False).explain("a", "b")
        monkeypatch.setenv("GOESWITH_GATEWAY__ASK__KEY", key)
        again = load_profile(overrides={"home": tmp_path, "gateway": {"port": secure.gateway.port}})
        with pytest.raises(ModelUnavailable, match="nothing was materialised"):
            build_asker(again, local=False).explain("a", "b")
    finally:
        stop_gateway(secure)
    lines = [json.loads(line) for line in Path(state.log).read_text(encoding="utf-8").splitlines()]
    asked = [(line["route"], line["status"], line["key"]) for line in lines if line["message"] == "request"]
    assert asked == [("(no route)", 401, ""), ("/explain/{a}/{b}", 503, "shop")]
    assert key not in json.dumps(lines)


def test_stopping_it_ends_the_process(tmp_path: Path) -> None:
    alone = load_profile(overrides={"home": tmp_path, "gateway": {"port": free_ports(1)[0]}})
    start_gateway(alone)
    assert get(alone, "/health")["features"] is False
    assert stop_gateway(alone)
    assert not gateway_status(alone).running
    assert not stop_gateway(alone)
