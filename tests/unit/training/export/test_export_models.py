"""The job: from the trainers' folders to an export, once."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.jobs import JobRun
from goeswith.model_contract import read_export
from goeswith.profile import Profile
from goeswith.results import Figure, write_figures
from tests.tiny_models import TINY_BUNDLES
from tests.tiny_shop import RUN, write_tiny_lake
from training.dataset import read_training_set
from training.export.load import load_trained
from training.jobs import export_models, train_bundles, train_cirp, train_mmsc
from training.mmsc.load import load_mmsc

FIGURE = Figure(task="bundle", data="tiny", slice="all", model="cirp", metric="recall@20", value=0.5)


def train(profile: Profile, **mmsc: object) -> JobRun:
    """Run both trainers as short as they go, and return the job that comes behind them."""
    versions = write_tiny_lake(profile)
    settings = {"graph": "full", "overrides": {"untrained": True}}
    train_cirp.run(JobRun(profile=profile, run_id=RUN, versions=versions, params=settings))
    train_mmsc.run(JobRun(profile=profile, run_id=RUN, versions=versions, params={"graph": "full", "overrides": {"epochs": 1, **mmsc}}))
    train_bundles.run(JobRun(profile=profile, run_id=RUN, versions=versions, params={"graph": "full", "overrides": asdict(TINY_BUNDLES)}))
    return JobRun(profile=profile, run_id=RUN, versions=versions)


@pytest.mark.slow
def test_a_run_is_exported_once_with_its_recipes_and_figures(profile: Profile) -> None:
    job = train(profile)
    write_figures(profile, "metrics", [FIGURE, Figure(**{**asdict(FIGURE), "model": "tfidf"}), Figure(**{**asdict(FIGURE), "slice": "cold"})])
    first = export_models.run(job)
    manifest = read_export(profile.models / RUN / "export")
    assert first.summary["changed"] is True
    assert max(first.summary["parity"].values()) <= 1e-4
    assert (manifest.run, manifest.release) == (RUN, RUN)
    assert manifest.recipes["cirp"]["towers"] == "small"
    assert [row["model"] for row in manifest.metrics] == ["cirp"]
    assert export_models.run(job).summary["changed"] is False
    int8 = export_models.run(replace(job, params={"precision": "int8"}))
    assert int8.summary["encoder"]["precision"] == "int8"
    assert int8.summary["encoder"]["graphs"]["int8"]["bytes"] < 0.4 * int8.summary["encoder"]["graphs"]["float32"]["bytes"]


@pytest.mark.slow
def test_models_that_are_not_what_is_served_are_refused(profile: Profile) -> None:
    job = train(profile)
    folder = profile.models / RUN / "full"
    items = read_training_set(profile, version=job.version_of("training_sets"), run=RUN, graph="full").items
    model, _ = load_mmsc(folder / "mmsc")
    again, _ = load_mmsc(folder / "mmsc")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    for name, change in {"mmsc": {"modalities": ["text"]}, "cirp": {"drop": ["image"]}}.items():
        path = folder / name / "recipe.json"
        stored = json.loads(path.read_text())
        path.write_text(json.dumps({**stored, "recipe": {**stored["recipe"], **change}}))
        with pytest.raises(ModelInvalid, match="reads cirp tokens of|was trained without image"):
            load_trained(folder, items)
        path.write_text(json.dumps(stored))
    (folder / "mmsc" / "items.json").write_text('["other"]')
    with pytest.raises(ModelInvalid, match="mmsc knows other items"):
        load_trained(folder, items)


@pytest.mark.parametrize(("params", "match"), [({"fast": True}, "fast"), ({"precision": "int4"}, "'float32' or 'int8'")])
def test_the_job_chooses_a_precision_and_nothing_else(profile: Profile, params: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        export_models.run(JobRun(profile=profile, run_id=RUN, params=params))
