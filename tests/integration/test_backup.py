"""A deployment is backed up, lost and restored: it answers as before. What is not whole is never taken for a backup."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from feature_repo.jobs import materialise
from goeswith import lake, releases
from goeswith.backup import copies, restoring, taking
from goeswith.catalogue import TABLES
from goeswith.command.main import call
from goeswith.errors import ConfigError, SourceUnreadable, UpkeepRefused
from goeswith.jobs import JobRun
from goeswith.leases import hold_upkeep
from goeswith.model_contract import read_export
from goeswith.pictures import read_picture
from goeswith.profile import PROJECT_ROOT, Profile, load_profile
from goeswith_client.feast_features import FeastFeatures
from serving.gateway.keys import create_key
from serving.rollout import repository as repo
from serving.rollout.integrity import check_served
from serving.rollout.manifest import Version, make_current, require_trusted, write_published
from tests.s3_server import s3_server
from tests.tiny_features import write_tiny_features
from tests.tiny_models import shared_home
from tests.tiny_shop import RUN, item_rows, write_rows

ITEMS = ["racket-red-0", "pen-blue-1", "pan-black-0"]


@pytest.fixture
def shop(tmp_path: Path) -> Profile:
    """Return a deployment with tables, an older release, pictures, features, a published version and a key."""
    profile = load_profile(overrides={"home": tmp_path / "home"})
    write_tiny_features(profile)
    write_rows(profile, "items", [{**row, "price": 5.0} for row in item_rows(profile)])
    materialise.run(JobRun(profile=profile, run_id="first"))
    shutil.copytree(shared_home() / "models", profile.models)
    publish(profile)
    create_key(profile.keys, "shop", ("ask",))
    return profile


def publish(profile: Profile) -> None:
    """Let the tiny export be the current version, as a publish leaves it."""
    export = profile.models / RUN / "export"
    manifest, number = read_export(export), 1
    repo.build_staging(profile.model_repository, export, manifest, number)
    repo.adopt_staging(profile.model_repository, number)
    files = repo.files_of(manifest, number)
    version = Version(version=number, run=RUN, release=RUN, made_from="x", models=manifest.models, metrics=(), feature_names=(), files=files)
    write_published(profile, make_current(None, version))


def answers(profile: Profile) -> dict[str, Any]:
    """Return what a reader gets: items, precomputed lists and their evidence, from the online store alone."""
    features = FeastFeatures(profile.features)
    lists = {kind: features.neighbours(kind, ITEMS) for kind in ("substitute", "complement")}
    return {"items": features.items(ITEMS), **lists, "release": features.state().release}


def rows_at(profile: Profile) -> dict[tuple[str, int | None], list[str]]:
    """Return the rows of every table at its newest and at its released version."""
    found: dict[tuple[str, int | None], list[str]] = {}
    for name in TABLES:
        newest = lake.current_version(profile, name)
        for version in {newest, releases.released_versions(profile).get(name)} - {None}:
            found[name, version] = sorted(map(repr, lake.read_table(profile, name, version=version).to_pylist()))
    return found


def run_command(profile: Profile, *words: str, **more: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"GOESWITH_HOME": str(profile.home), **more}.items():
            patch.setenv(name, value)
        return call(words)


def test_a_deployment_that_was_lost_answers_as_before_once_it_is_restored(shop: Profile, tmp_path: Path) -> None:
    before, rows, picture = answers(shop), rows_at(shop), item_rows(shop)[0]["image"]
    assert run_command(shop, "backup", str(tmp_path / "copy")) == 0
    shutil.rmtree(shop.root)
    assert run_command(shop, "restore", str(tmp_path / "copy")) == 0
    assert answers(shop) == before
    assert rows_at(shop) == rows
    assert read_picture(shop.pictures, picture)
    check_served(shop.model_repository, require_trusted(shop))
    assert shop.keys.stat().st_mode & 0o777 == 0o600
    assert lake.open_table(shop, "items").history(1)[0]["operation"] == "MERGE"
    write_rows(shop, "items", item_rows(shop))
    assert not (shop.root / restoring.MARK).exists()


def test_a_lake_of_a_disk_is_restored_into_an_object_store_and_back(shop: Profile, tmp_path: Path) -> None:
    rows = rows_at(shop)
    taking.take_backup(shop, tmp_path / "copy")
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        there = load_profile(overrides={"home": tmp_path / "there"})
        restoring.restore_backup(there, tmp_path / "copy")
        assert rows_at(there) == rows
        taking.take_backup(there, tmp_path / "again")
    back = load_profile(overrides={"home": tmp_path / "back"})
    restoring.restore_backup(back, tmp_path / "again")
    assert rows_at(back) == rows


def test_a_backup_that_was_killed_is_none_and_the_next_try_is_whole(shop: Profile, tmp_path: Path) -> None:
    target, part = tmp_path / "copy", tmp_path / ".copy.part"
    command = [sys.executable, "-m", "goeswith", "backup", str(target)]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env={**os.environ, "GOESWITH_HOME": str(shop.root)}, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (part / "lake").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert part.exists()
    assert not target.exists(), "it had ended before it was killed"
    with pytest.raises(SourceUnreadable, match="no whole backup"):
        restoring.restore_backup(load_profile(overrides={"home": tmp_path / "new"}), part)
    taking.take_backup(shop, target)
    copies.check_backup(target, copies.read_backup(target))
    assert not part.exists()


def test_a_restore_that_was_cut_short_has_released_nothing_and_goes_on(shop: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = taking.take_backup(shop, tmp_path / "copy")
    new, put, left = load_profile(overrides={"home": tmp_path / "new"}), restoring._put, len(backup.files) - 3

    def die(profile: Profile, source: Path, path: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        put(profile, source, path)

    monkeypatch.setattr(restoring, "_put", die)
    with pytest.raises(KeyboardInterrupt):
        restoring.restore_backup(new, tmp_path / "copy")
    assert releases.read_releases(new) == [] or releases.read_releases(new) != releases.read_releases(shop)
    monkeypatch.setattr(restoring, "_put", put)
    restoring.restore_backup(new, tmp_path / "copy")
    assert rows_at(new) == rows_at(shop)


@pytest.mark.parametrize("spoil", [lambda f: f.unlink(), lambda f: f.write_bytes(f.read_bytes()[:-1] + b"x")], ids=["gone", "damaged"])
def test_a_backup_with_a_bad_file_is_refused_by_its_name_before_anything_is_written(shop: Profile, tmp_path: Path, spoil: Any) -> None:
    backup = taking.take_backup(shop, tmp_path / "copy")
    victim = next(path for path in backup.files if path.startswith("lake/relations") and path.endswith(".parquet"))
    spoil(tmp_path / "copy" / victim)
    with pytest.raises(SourceUnreadable, match=Path(victim).name):
        restoring.restore_backup(load_profile(overrides={"home": tmp_path / "new"}), tmp_path / "copy")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(shop: Profile, tmp_path: Path) -> None:
    taking.take_backup(shop, tmp_path / "copy")
    with pytest.raises(ConfigError, match="exists"):
        taking.take_backup(shop, tmp_path / "copy")
    with pytest.raises(ConfigError, match="holds something already"):
        restoring.restore_backup(shop, tmp_path / "copy")
    with pytest.raises(ConfigError, match="in the home"):
        taking.take_backup(shop, shop.root / "copy")


def test_upkeep_and_a_backup_wait_for_each_other(shop: Profile, tmp_path: Path) -> None:
    with hold_upkeep(shop), pytest.raises(UpkeepRefused):
        taking.take_backup(shop, tmp_path / "copy")


def test_rows_that_come_meanwhile_are_in_it_whole_or_not_at_all(shop: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, released = taking._copy_table, releases.released_versions(shop)

    def copy_while_others_write(profile: Profile, name: str, folder: Path) -> tuple[int, dict[str, str]]:
        if name == "relations":
            later = {"items": write_rows(profile, "items", [{**row, "price": 7.0} for row in item_rows(profile)])}
            releases.write_release(profile, "meanwhile", {**released, **later})
        return copy(profile, name, folder)

    monkeypatch.setattr(taking, "_copy_table", copy_while_others_write)
    taking.take_backup(shop, tmp_path / "copy")
    new = load_profile(overrides={"home": tmp_path / "new"})
    restoring.restore_backup(new, tmp_path / "copy")
    assert releases.released_versions(new) == released
    for name, version in released.items():
        assert lake.read_table(new, name, version=version).equals(lake.read_table(shop, name, version=version))
