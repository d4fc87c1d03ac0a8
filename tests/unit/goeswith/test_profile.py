"""The profile refuses what it does not know, and the environment wins."""

from pathlib import Path

import pytest

from goeswith.errors import ConfigError
from goeswith.profile import PROFILES, load_profile


def test_every_shipped_profile_loads() -> None:
    for path in PROFILES.glob("*.yaml"):
        assert load_profile(path.stem).profile == path.stem


def test_an_unknown_key_is_refused_with_the_legal_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="legal keys: .*home") as caught:
        load_profile(overrides={"hoome": tmp_path})
    assert "hoome" in caught.value.what


def test_an_unknown_nested_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="triton.prot"):
        load_profile(overrides={"triton": {"prot": 1}})


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_TRITTON__GRPC_PORT", "1")
    with pytest.raises(ConfigError, match="GOESWITH_TRITTON__GRPC_PORT"):
        load_profile()


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="local"):
        load_profile("moon")


def test_the_environment_wins_over_file_and_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOESWITH_GATEWAY__PORT", "9999")
    assert load_profile(overrides={"home": tmp_path, "gateway": {"port": 1234}}).gateway.port == 9999


@pytest.mark.parametrize("port", [0, 65_536, -1])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match="port"):
        load_profile(overrides={"gateway": {"port": port}})


def test_servers_bind_to_loopback_unless_told_otherwise() -> None:
    profile = load_profile()
    assert profile.triton.host == profile.gateway.host == "127.0.0.1"


def test_secrets_do_not_show_in_its_text() -> None:
    profile = load_profile(overrides={"user_hash_key": "do-not-show", "judge": {"api_key": "nor-this"}})
    assert "do-not-show" not in repr(profile)
    assert "nor-this" not in repr(profile)


def test_a_moved_profile_keeps_off_the_home_and_the_lake_that_the_environment_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "shop"))
    monkeypatch.setenv("GOESWITH_LAKE", "s3://shop/lake")
    monkeypatch.setenv("GOESWITH_TRITON__GRPC_PORT", "4711")
    shop = load_profile()
    assert shop.root == tmp_path / "shop"
    moved = shop.moved(tmp_path / "bench", triton={"grpc_port": 4712})
    assert (moved.root, moved.lake_uri, moved.triton.grpc_port) == (tmp_path / "bench", str(tmp_path / "bench" / "lake"), 4712)
    assert (moved.triton.http_port, moved.judge) == (shop.triton.http_port, shop.judge)


@pytest.mark.parametrize("lake", ["s3a://shop/lake", "gs://shop/lake", "s3://key:secret@shop/lake", "s3://"])
def test_an_object_store_has_one_spelling(tmp_path: Path, lake: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX"):
        load_profile(overrides={"home": tmp_path, "lake": lake})


def test_a_lake_in_an_object_store_is_known_for_one(tmp_path: Path) -> None:
    assert load_profile(overrides={"home": tmp_path, "lake": "s3://shop/lake/"}).lake_uri == "s3://shop/lake"
    assert load_profile(overrides={"home": tmp_path, "lake": "s3://shop/lake/"}).on_s3
    assert not load_profile(overrides={"home": tmp_path}).on_s3


def test_an_endpoint_with_a_key_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="endpoint"):
        load_profile(overrides={"home": tmp_path, "s3": {"endpoint": "http://key:secret@host:9000"}})
