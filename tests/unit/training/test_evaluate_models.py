"""The job evaluate_models on the tiny shop, with real files."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.records import record_path
from goeswith.releases import write_release
from goeswith.results import Figure, read_figures, write_json
from tests.tiny_shop import RUN, bundle_rows, item_rows, relation_rows, write_tiny_lake
from training.jobs import evaluate_models
from training.jobs.evaluate_models import best_rows, run, source_name

SMALL = {"max_cases": 60, "max_queries": 60, "bootstrap": 50}


def write_truth(profile: Profile) -> None:
    """Write the relations that the tiny shop plants as its truth."""
    items = item_rows(profile)
    edges = relation_rows(items, "full")
    profile.truth.mkdir(parents=True)
    for kind in ("substitute", "complement"):
        rows = [{"src": e["src"], "dst": e["dst"]} for e in edges if e["type"] == kind]
        pq.write_table(pa.Table.from_pylist(rows), profile.truth / f"{kind}s.parquet")
    bundles = [{"bundle_id": b["bundle_id"], "item_id": b["item_id"]} for b in bundle_rows(items)]
    pq.write_table(pa.Table.from_pylist(bundles), profile.truth / "bundles.parquet")


def write_encoder(folder: Path, ids: list[str]) -> None:
    """Write features that know department and colour, so items of one bundle are one point."""
    names = [
        (i.split("-")[0] in ("racket", "balls"), i.split("-")[0] in ("pan", "spatula"), *(c in i for c in ("red", "blue", "green"))) for i in ids
    ]
    folder.mkdir(parents=True)
    write_json(folder / "items.json", ids)
    save_file({"feature": np.array(names, dtype=np.float32) + 0.01}, folder / "vectors.safetensors")


@pytest.fixture
def evaluated(profile: Profile) -> JobResult:
    versions = write_tiny_lake(profile)
    write_truth(profile)
    write_encoder(profile.models / RUN / "evaluation" / "cirp", sorted(row["item_id"] for row in item_rows(profile)))
    return run(JobRun(profile=profile, run_id=RUN, versions=versions, params={**SMALL, "data": "tiny"}))


def value(figures: list[Figure], task: str, part: str, model: str, metric: str) -> float:
    (found,) = [f.value for f in figures if (f.task, f.slice, f.model, f.metric) == (task, part, model, metric)]
    return found


def test_figures_name_the_source_of_what_was_released_last_whichever_run_ingested_it(profile: Profile) -> None:
    job = JobRun(profile=profile, run_id="training", versions={})
    assert source_name(job) == "shop"
    versions = write_tiny_lake(profile)
    for run_id, source in (("monday", "hm"), ("tuesday", "synthetic"), ("never released", "files")):
        write_json(record_path(profile, run_id, "ingest"), {"summary": {"source": source}})
    for run_id in ("monday", "tuesday", "graph"):
        write_release(profile, run_id, versions)
    assert source_name(job) == "synthetic"
    write_json(record_path(profile, "training", "ingest"), {"summary": {"source": "own"}})
    assert source_name(job) == "own"


def test_every_task_is_measured_with_models_and_baselines_in_one_table(evaluated: JobResult, profile: Profile) -> None:
    figures = read_figures(profile, "metrics")
    assert len(figures) == evaluated.summary["figures"]
    assert "| **cirp** |" in (profile.results / "metrics.md").read_text(encoding="utf-8")
    assert {f.task for f in figures} == {"bundle", "substitutes", "complements"}
    assert {f.data for f in figures} == {"tiny"}
    for task in ("bundle", "complements"):
        models = {f.model for f in figures if f.task == task}
        assert {"random", "popularity", "tfidf", "content", "co-counts", "adamic-adar", "adamic-adar+content", "cirp"} <= models


def test_a_published_split_is_measured_on_the_full_graph_and_again_where_the_file_changed(profile: Profile, tmp_path: Path) -> None:
    versions, split = write_tiny_lake(profile), tmp_path / "test.txt"
    edges = relation_rows(item_rows(profile), "full")
    kinds = {"complement": "1", "substitute": "2"}
    true = [f"{kinds[e['type']]} {e['src']} {e['dst']} 1\n" for e in edges]
    split.write_text("".join([*true, *(f"{t} pen-red-0 pan-{c}-0 0\n" for t in "12" for c in ("red", "blue"))]), encoding="utf-8")
    params = {**SMALL, "data": "tiny", "tasks": ["relations"], "published": str(split)}
    run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params))
    figures = read_figures(profile, "metrics")
    assert value(figures, "published", "both", "co-counts", "roc_auc") == 1.0, "every true pair is an edge of the full graph"
    assert "### tiny: the published split" in (profile.results / "metrics.md").read_text(encoding="utf-8")
    split.write_text("1 nobody pen-red-0 1\n", encoding="utf-8")
    again = run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params))
    assert "1 of 1" in again.summary["skipped"]["published pairs"]
    assert "published" not in {figure.task for figure in read_figures(profile, "metrics")}


def test_an_encoder_that_knows_the_planted_rule_completes_every_bundle(evaluated: JobResult, profile: Profile) -> None:
    figures = read_figures(profile, "metrics")
    assert value(figures, "bundle", "planted", "cirp", "ndcg@10") > value(figures, "bundle", "planted", "random", "ndcg@10")
    assert value(figures, "bundle", "all", "cirp", "recall@10") == 1


def test_direct_edges_tell_the_direction_and_symmetric_scores_do_not(evaluated: JobResult, profile: Profile) -> None:
    figures = read_figures(profile, "metrics")
    assert value(figures, "complements", "direction", "co-counts", "accuracy") == 1
    assert value(figures, "complements", "direction", "adamic-adar", "accuracy") == 0.5


def test_what_is_not_measured_is_said_with_its_reason(evaluated: JobResult) -> None:
    assert evaluated.summary["skipped"]["mmsc"] == "this run holds no vectors of it"
    assert "untrained" in evaluated.summary["skipped"]


def test_samples_name_items_and_ranks_of_every_model(evaluated: JobResult, profile: Profile) -> None:
    samples = json.loads((profile.results / "samples.json").read_text(encoding="utf-8"))
    assert {s["task"] for s in samples} == {"bundle", "substitutes", "complements"}
    assert all(s["target"] not in s["query"] and len(s["best"]) == 5 for s in samples)


def test_evaluating_again_gives_the_same_figures(evaluated: JobResult, profile: Profile) -> None:
    def comparable() -> list[tuple[object, ...]]:
        return [(f.task, f.slice, f.model, f.metric, f.value, f.low, f.high) for f in read_figures(profile, "metrics")]

    first = comparable()
    (profile.results / "metrics.inputs.json").unlink()
    run(JobRun(profile=profile, run_id=RUN, params={**SMALL, "data": "tiny"}))
    assert comparable() == first


def test_an_unknown_parameter_is_refused_with_the_legal_ones(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="max_cases"):
        run(JobRun(profile=profile, run_id=RUN, params={"cases": 3}))


def test_the_best_row_is_chosen_by_the_tasks_main_metric() -> None:
    rows = [
        Figure(task="bundle", data="x", slice="all", model=m, metric=k, value=v)
        for m, k, v in [("a", "recall@20", 0.5), ("b", "recall@20", 0.6), ("a", "recall@40", 0.9)]
    ]
    assert [(row["model"], row["value"]) for row in best_rows(rows)] == [("b", 0.6)]


def test_the_same_again_measures_nothing_and_says_the_same(evaluated: JobResult, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JobRun(profile=profile, run_id=RUN, params={**SMALL, "data": "tiny"})
    with monkeypatch.context() as patched:
        patched.setattr(evaluate_models, "measure", refuse)
        assert run(job).summary == {**evaluated.summary, "unchanged": True}


@pytest.mark.parametrize("change", ["params", "models", "figures"])
def test_what_the_figures_depend_on_is_measured_again(evaluated: JobResult, profile: Profile, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    params = {**SMALL, "data": "tiny", **({"seed": 1} if change == "params" else {})}
    if change == "models":
        (profile.models / RUN / "evaluation" / "cirp" / "items.json").touch()
    if change == "figures":
        (profile.results / "metrics.jsonl").unlink()
    monkeypatch.setattr(evaluate_models, "measure", refuse)
    with pytest.raises(AssertionError, match="measured"):
        run(JobRun(profile=profile, run_id=RUN, params=params))


def refuse(*_: object) -> None:
    raise AssertionError("measured")
