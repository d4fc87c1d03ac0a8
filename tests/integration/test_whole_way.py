"""The whole way on a small synthetic shop, by the very DAGs that production runs: from a source to served answers."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from goeswith import lake
from goeswith.catalogue import TABLES, Layer
from goeswith.command.answers import ask_one_of_each
from goeswith.command.report import write_report
from goeswith.command.run import DAGS, run_dag
from goeswith.command.servers import servers_status, start_servers, stop_servers
from goeswith.command.summary import build_summary
from goeswith.errors import GateFailed
from goeswith.ports import free_ports
from goeswith.profile import Profile, load_profile
from goeswith.records import read_records
from goeswith.releases import read_release
from goeswith.results import read_figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

RUN = "whole-way"
PARAMS = {"ingest": {"source": "synthetic", "options": {"size": 150}}}


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profile]:
    """Run the four DAGs once; tests look at what they left."""
    home = tmp_path_factory.mktemp("whole-way")
    with mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as patch:  # a DAG's run leaves its home in the environment
        for name, port in zip(("TRITON__GRPC_PORT", "TRITON__HTTP_PORT", "TRITON__METRICS_PORT", "GATEWAY__PORT"), free_ports(4), strict=True):
            patch.setenv(f"GOESWITH_{name}", str(port))
        profile = load_profile(overrides={"home": home})
        for dag_id in DAGS:
            run_dag(profile, dag_id, RUN, PARAMS)
        yield profile


def test_a_release_names_a_version_of_every_table_that_is_read(small_shop: Profile) -> None:
    read = {name for name, table in TABLES.items() if table.layer is not Layer.CONTROL}
    assert read <= set(read_release(small_shop).versions)


def test_every_row_that_came_in_is_kept_quarantined_or_a_duplicate(small_shop: Profile) -> None:
    for counts in read_records(small_shop, RUN)["ingest"]["summary"]["rows"].values():
        assert counts["in"] == counts["kept"] + counts["quarantined"] + counts["duplicates"]


def test_every_gate_left_what_it_saw(small_shop: Profile) -> None:
    rows = lake.read_table(small_shop, "gate_results", columns=("table", "decision"), where={"run": RUN}).to_pylist()
    assert {row["table"] for row in rows} >= {"items", "events", "item_pairs", "relations", "training_sets", "item_neighbours"}
    assert {row["decision"] for row in rows} == {"pass"}


def test_our_models_and_the_baselines_stand_in_one_table(small_shop: Profile) -> None:
    models = {figure.model for figure in read_figures(small_shop, "metrics")}
    assert {"cirp", "mmsc", "tfidf", "popularity", "co-counts", "adamic-adar", "untrained", "random"} <= models


def test_run_again_it_does_only_what_changed(small_shop: Profile) -> None:
    before = read_release(small_shop)
    for dag_id in ("ingest", "graph"):
        run_dag(small_shop, dag_id, RUN, PARAMS)
    assert read_release(small_shop).versions == before.versions


@pytest.fixture(scope="module")
def answers(small_shop: Profile) -> Iterator[dict[str, Any]]:
    start_servers(small_shop)
    try:
        assert all(server["running"] for server in servers_status(small_shop).values())
        yield ask_one_of_each(small_shop)
    finally:
        stop_servers(small_shop)


@pytest.mark.triton
@pytest.mark.parametrize("kind", ["substitutes", "complements", "bundle", "new"])
def test_each_kind_of_question_is_answered_with_its_source(answers: dict[str, Any], kind: str) -> None:
    answer = answers[kind]
    assert answer["items"]
    assert answer["source"] in {"precomputed", "model", "content", "category_bestseller"}
    assert answer["question"] not in {item["item_id"] for item in answer["items"]}


@pytest.mark.triton
def test_an_answer_is_explained_with_counts_and_versions(answers: dict[str, Any]) -> None:
    evidence = answers["explain"]["evidence"]
    assert evidence["reasons"]
    assert evidence["versions"]["release"] == RUN


@pytest.mark.triton
def test_summary_and_report_tell_the_whole_story(small_shop: Profile, answers: dict[str, Any]) -> None:
    summary = json.loads(json.dumps(build_summary(small_shop, RUN, answers), default=str))
    assert {"rows", "edges", "metrics", "answers", "versions", "seconds"} <= set(summary)
    page = write_report(small_shop, summary).read_text(encoding="utf-8")
    assert "data:image/png;base64," in page


def test_a_gate_that_fails_stops_the_dag_and_the_release_stands(small_shop: Profile, tmp_path: Path) -> None:
    before = read_release(small_shop)
    (tmp_path / "items.csv").write_text("item_id,title\n,no id\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text("items: {file: items.csv, format: csv, columns: {item_id: item_id, title: title}}\n", encoding="utf-8")
    with pytest.raises(GateFailed, match="items"):
        run_dag(small_shop, "ingest", "broken", {"ingest": {"source": "files", "data": str(tmp_path)}})
    assert read_release(small_shop) == before
    assert lake.read_table(small_shop, "items").num_rows == lake.read_table(small_shop, "items", version=before.version_of("items")).num_rows
