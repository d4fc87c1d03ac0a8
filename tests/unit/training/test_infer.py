"""The job infer: rows that the catalogue accepts, and a second run that writes nothing."""

import numpy as np
import pytest

from goeswith import lake
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from tests.tiny_shop import RUN, item_rows, training_rows, write_rows
from tests.unit.training.mmsc.tiny import tiny_data, write_tiny_cirp
from training.dataset import TrainingSet, read_training_set
from training.jobs import infer, train_mmsc

OVERRIDES = {"width": 24, "item_width": 16, "pool": 32, "batch": 64, "epochs": 4, "fanout": 4}


@pytest.fixture
def published(profile: Profile) -> tuple[JobRun, JobResult]:
    """Return the job and its first result on the tiny shop."""
    data = tiny_data(profile)
    write_tiny_cirp(profile, data.items, "full")
    train_mmsc.run(JobRun(profile=profile, run_id=RUN, params={"overrides": OVERRIDES}))
    job = JobRun(profile=profile, run_id=RUN, params={"k": 5})
    return job, infer.run(job)


def test_every_item_gets_two_lists_of_scored_explained_answers(published: tuple[JobRun, JobResult]) -> None:
    job, result = published
    rows = lake.read_table(job.profile, "item_neighbours", version=result.versions["item_neighbours"]).to_pylist()
    assert len(rows) == 120
    for row in rows:
        scores = [place["score"] for place in row["neighbours"]]
        assert 0 < len(scores) <= 5
        assert scores == sorted(scores, reverse=True) or row["type"] == "complement", "complements take turns by kind"
        assert row["threshold"] is None, "too few pairs are hidden here to learn one by"
        assert all(0 <= score <= 1 for score in scores)
        assert all(place["reason"] and place["source"] in ("behaviour", "cold_start", "content") for place in row["neighbours"])
        assert row["item_id"] not in {place["item_id"] for place in row["neighbours"]}
    by_key = {(row["type"], row["item_id"]): row["neighbours"] for row in rows}
    first = by_key["substitute", "racket-red-0"][0]
    assert first["item_id"] == "racket-red-1"
    assert first["reason"] == "viewed in one session 5 times, lift 4.0"
    assert {place["item_id"] for place in by_key["complement", "racket-red-0"][:2]} == {"balls-red-0", "balls-red-1"}


def test_mmsc_publishes_a_unit_vector_an_item_and_says_what_it_is_made_from(published: tuple[JobRun, JobResult]) -> None:
    job, result = published
    rows = lake.read_table(job.profile, "item_embeddings", version=result.versions["item_embeddings"]).to_pylist()
    assert {row["model"] for row in rows} == {"mmsc"}, "CIRP's are the job embed_items'"
    assert len(rows) == 60
    assert np.allclose([np.linalg.norm(row["vector"]) for row in rows], 1, atol=1e-5)
    assert {tuple(row["modalities"]) for row in rows} == {("text", "image", "behaviour")}
    assert {(row["model_version"], row["release"]) for row in rows} == {(RUN, RUN)}


def test_a_second_run_writes_nothing(published: tuple[JobRun, JobResult]) -> None:
    job, first = published
    assert infer.run(job).versions == first.versions


def test_an_item_that_left_the_catalogue_leaves_both_tables(published: tuple[JobRun, JobResult]) -> None:
    job, _ = published
    items = [item for item in item_rows(job.profile) if item["item_id"] != "pen-red-0"]
    version = write_rows(job.profile, "training_sets", training_rows(items, "later"))
    later = JobRun(profile=job.profile, run_id="later", versions={"training_sets": version}, params={"overrides": {**OVERRIDES, "epochs": 1}})
    write_tiny_cirp(job.profile, tiny_later(later).items, "full", "later")
    train_mmsc.run(later)
    result = infer.run(JobRun(profile=job.profile, run_id="later", versions={"training_sets": version}))
    for table, models in (("item_embeddings", 1), ("item_neighbours", 2)):
        ids = lake.read_table(job.profile, table, version=result.versions[table])["item_id"].to_pylist()
        assert "pen-red-0" not in ids
        assert len(ids) == 59 * models


def tiny_later(job: JobRun) -> TrainingSet:
    """Return the training set of the later run."""
    return read_training_set(job.profile, version=job.version_of("training_sets"), run=job.run_id, graph="full")
