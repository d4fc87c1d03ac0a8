"""Compose's services without containers: each of them dies once while the whole way runs, and that ends as if none had."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from unittest import mock

import httpx
import pytest

from feature_repo.check import check_online
from goeswith import lake
from goeswith.catalogue import TABLES, Layer
from goeswith.command.run import DAGS
from goeswith.profile import PROJECT_ROOT, Profile
from goeswith.promotions import read_promotion
from goeswith.records import read_records
from goeswith.releases import read_releases
from serving.rollout.integrity import check_served
from serving.rollout.manifest import require_trusted
from tests.airflow_server import Run, wait_until
from tests.compose_parts import SERVICES, Composed, composed
from tests.faults.history import Contents, profile_of, read_contents
from tests.faults.processes import SIZED, kill_tree

pytestmark = [pytest.mark.long, pytest.mark.triton, pytest.mark.timeout(9000)]

LIMIT_S = 3600.0
SIZES = (150, 170)
TASK = "the task itself"
KILLED = {
    ("ingest", "ingest"): ("spark-worker",),
    ("ingest", "reserve_holdout"): ("minio",),
    ("graph", "count_pairs"): ("spark-master",),
    ("graph", "prune_pairs"): ("airflow-scheduler",),
    ("graph", "judge_edges"): ("postgres",),
    ("train", "train_cirp_evaluation"): ("airflow-api", "prometheus", "triton"),
    ("train", "train_bundles_evaluation"): (TASK,),
    ("train", "train_mmsc_evaluation"): ("airflow-dag-processor", "gateway"),
    ("publish", "materialise"): ("redis",),
}
"""What dies as soon as a task runs: what the task needs, or who started it, or what answers meanwhile."""
NOT_HERE = {"grafana", "airflow-migrate", "minio-volume", "minio-bucket"}
"""Debian has no Grafana; the others end by themselves."""
PATIENCE = {"GOESWITH_OPERATOR__RETRIES": "4", "GOESWITH_OPERATOR__RETRY_DELAY_S": "2"}
COUNTED = tuple(name for name, table in TABLES.items() if table.layer in (Layer.SOURCE, Layer.GRAPH) and name != "pair_scores")
"""Tables whose rows say nothing of the run that wrote them."""
PAUSE_S = 0.05


@dataclass(slots=True)
class Told:
    """What callers were told: answers by where they came from, items that no shop has, and errors by the part that was away last."""

    answers: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    away: str = "nothing"


@dataclass(frozen=True, slots=True)
class Ended:
    """All parts, the runs and tasks of the second chain, and what callers were told during it."""

    composed: Composed
    runs: Mapping[str, Run]
    tasks: Mapping[str, Mapping[str, Run]]
    told: Told

    @property
    def profile(self) -> Profile:
        """Where everything lies."""
        return self.composed.profile


@dataclass(frozen=True, slots=True)
class Left:
    """What lies in the counted tables, and by table the operations that changed its rows, oldest first."""

    contents: Contents
    commits: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Run the whole way once in peace, and once while everything dies in turn and somebody asks without a pause."""
    with composed(tmp_path_factory.mktemp("composed"), {**SIZED, **PATIENCE}) as parts:
        airflow = parts.airflow
        airflow.wait_for_dags(*DAGS)
        airflow.unpause(*DAGS)
        peace = walk(parts, SIZES[0], lambda *_: None)
        with asking(parts) as told:
            war = walk(parts, SIZES[1], lambda *task: disturb(parts, told, *task))
        print(f"in peace {peace:.0f} s, disturbed {war:.0f} s; {told}")  # noqa: T201 - shown by pytest -s
        yield Ended(parts, {dag: airflow.runs(dag)[-1] for dag in DAGS}, {dag: airflow.tasks(dag) for dag in DAGS}, told)


def walk(parts: Composed, size: int, on_running: Callable[[str, str, Run], None]) -> float:
    """Start ``ingest``, wait for the end of the ``publish`` behind it, and return how many seconds that took; every running task is told of."""
    airflow, started = parts.airflow, time.monotonic()
    before, asked = len(airflow.runs("publish")), list[str]()
    airflow.trigger("ingest", {"params": {"ingest": {"source": "synthetic", "options": {"size": size}}}})

    def published() -> bool:
        airflow.revive()
        runs = {dag: airflow.runs(dag) for dag in DAGS}
        if any(run["state"] == "failed" for each in runs.values() for run in each):
            pytest.fail("\n".join(airflow.failures(*DAGS)))
        for dag in DAGS:
            for task_id, task in airflow.tasks(dag).items():
                if task["state"] == "running":
                    on_running(dag, task_id, task)
        if not asked and len(runs["train"]) > before and airflow.tasks("train").get("release_models", {}).get("state") == "skipped":
            asked.append(airflow.trigger("publish", {}))  # the challenger is kept back, and its tables with it
        return len(runs["publish"]) > before and runs["publish"][-1]["state"] == "success"

    wait_until(lambda: patiently(published), f"the shop of {size} items is published", LIMIT_S)
    return time.monotonic() - started


def patiently(ask: Callable[[], bool]) -> bool:
    """Ask Airflow, which may be away: then it has not come true yet."""
    try:
        return ask()
    except (httpx.TransportError, AssertionError, KeyError):
        return False


def disturb(parts: Composed, told: Told, dag: str, task_id: str, task: Run) -> None:
    """Kill what this task is the moment for, once."""
    for name in KILLED.get((dag, task_id), ()):
        if name in DEAD:
            continue
        DEAD.append(name)
        told.away = name
        if name == TASK:
            kill_tree(task["pid"], only_root=False)
        else:
            parts.kill(name)


DEAD: list[str] = []
"""What has died, in this order."""


@contextmanager
def asking(parts: Composed) -> Iterator[Told]:
    """Ask the gateway without a pause, as a shop's pages do, for as long as the block lasts."""
    told, over = Told(), threading.Event()
    items = lake.read_table(parts.profile, "items", columns=("item_id",))["item_id"].to_pylist()
    questions = cycle([(kind, item) for item in items for kind in ("substitutes", "complements")])
    asker = threading.Thread(target=lambda: ask_until(over, parts, questions, told))
    asker.start()
    try:
        yield told
    finally:
        over.set()
        asker.join()


def ask_until(over: threading.Event, parts: Composed, questions: Iterator[tuple[str, str]], told: Told) -> None:
    """Ask until it is over."""
    with httpx.Client(base_url=parts.gateway, headers={"Authorization": f"Bearer {parts.key}"}, timeout=15) as http:
        while not over.wait(PAUSE_S):
            kind, item = next(questions)
            try:
                note(told, item, http.get(f"/ask/{kind}/{item}?k=5"))
            except httpx.TransportError as error:
                told.errors[told.away, type(error).__name__] += 1


def note(told: Told, item: str, answer: httpx.Response) -> None:
    """Count what was said about an item."""
    said = answer.json()
    if answer.is_success:
        told.answers[said["source"]] += 1
    elif said["error"] == "UnknownItem":
        told.unknown[item] += 1
    else:
        told.errors[told.away, f"{answer.status_code} {said['error']}"] += 1


def test_everything_that_compose_runs_died_once(ended: Ended) -> None:
    assert sorted(DEAD) == sorted(({*SERVICES} - NOT_HERE) | {TASK})


def test_every_dag_ran_once_more_and_ended_well(ended: Ended) -> None:
    runs = {dag: ended.composed.airflow.runs(dag) for dag in DAGS}
    assert {dag: [run["state"] for run in found] for dag, found in runs.items()} == {dag: ["success"] * len(SIZES) for dag in DAGS}
    assert {dag: runs[dag][-1]["run_type"] for dag in DAGS[:3]} == {"ingest": "manual", "graph": "asset_triggered", "train": "asset_triggered"}


def test_every_row_that_came_in_is_accounted_for(ended: Ended) -> None:
    accounts = read_records(ended.profile, ended.runs["ingest"]["dag_run_id"])["ingest"]["summary"]["rows"]
    assert accounts
    for name, rows in accounts.items():
        assert rows["in"] == rows["kept"] + rows["quarantined"] + rows["duplicates"], name


def test_each_run_released_once_under_its_own_name(ended: Ended) -> None:
    names = [release.name for release in read_releases(ended.profile)]
    assert len(names) == len(set(names))
    releasing = [ended.runs["ingest"], ended.runs["graph"]]
    assert names.count(releasing[0]["dag_run_id"]) == names.count(releasing[1]["dag_run_id"]) == 1


def test_no_key_stands_twice_in_any_table(ended: Ended) -> None:
    for name in (name for name in TABLES if lake.current_version(ended.profile, name) is not None):
        keys = lake.read_table(ended.profile, name, columns=TABLES[name].key).to_pylist()
        assert max(Counter(tuple(key.values()) for key in keys).values(), default=1) == 1, name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Count the same shops, one after the other, on a disk, with nothing killed."""
    home = tmp_path_factory.mktemp("undisturbed")
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(("GOESWITH_", "AWS_", "AIRFLOW_"))]:
            del os.environ[name]
        os.environ.update(SIZED, GOESWITH_HOME=str(home))
        for size in SIZES:
            params = json.dumps({"ingest": {"source": "synthetic", "options": {"size": size}}})
            for dag in ("ingest", "graph"):
                words = [sys.executable, "-m", "goeswith", "run", dag, "--run", f"shop-{size}", "--params", params]
                subprocess.run(words, cwd=PROJECT_ROOT, check=True, capture_output=True)
        return left_at(home)


def left_at(home: Path) -> Left:
    """Return what was counted into the lake of a home."""
    contents, profile = read_contents(home), profile_of(home)
    there = [name for name in COUNTED if name in contents]
    history = {name: reversed(lake.open_table(profile, name).history()) for name in there}
    commits = {name: [commit["operation"] for commit in told if commit["operation"] not in lake.UPKEEP] for name, told in history.items()}
    return Left({name: contents[name] for name in there}, commits)


def test_tables_hold_what_an_undisturbed_process_writes(ended: Ended, undisturbed: Left) -> None:
    found = left_at(ended.profile.root)
    for name in COUNTED:
        assert found.contents.get(name) == undisturbed.contents.get(name), name


def test_tables_were_committed_to_as_often_as_by_an_undisturbed_process(ended: Ended, undisturbed: Left) -> None:
    assert left_at(ended.profile.root).commits == undisturbed.commits


def test_what_is_served_is_whole_and_as_was_decided(ended: Ended) -> None:
    published, train = require_trusted(ended.profile), ended.runs["train"]["dag_run_id"]
    check_served(ended.profile.model_repository, published)
    decided = read_promotion(ended.profile, train)
    assert decided is not None
    assert (published.current.run == train) == (decided.decision == "promoted"), decided.reason
    assert check_online(ended.profile).holds


def test_prometheus_sees_everything_again(ended: Ended) -> None:
    found = httpx.get(f"{ended.composed.prometheus}/api/v1/query", params={"query": "up"}).json()["data"]["result"]
    assert {each["metric"]["job"]: each["value"][1] for each in found} == {"goeswith-gateway": "1", "goeswith-triton": "1"}


def test_callers_were_answered_whatever_was_away_but_what_answers_them(ended: Ended) -> None:
    assert {away for away, _ in ended.told.errors} <= {"gateway"}
    assert ended.told.answers.total() > ended.told.errors.total()


def test_only_items_that_left_the_shop_were_said_to_be_unknown(ended: Ended) -> None:
    staying = set(lake.read_table(ended.profile, "items", columns=("item_id",))["item_id"].to_pylist())
    assert staying.isdisjoint(ended.told.unknown)
    assert ended.told.unknown
