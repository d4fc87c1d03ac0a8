"""The command evaluate: its processes, and what a variant shares with its main cell."""

import json
from pathlib import Path
from typing import Any

import pytest

from goeswith.command import cells, evaluate
from goeswith.errors import GoeswithError
from goeswith.results import Figure, write_atomically, write_json
from training.evaluation.experiments import Cell
from training.evaluation.variants import SOURCES, VARIANTS


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Record the jobs instead of starting their processes: job, parameters, environment."""
    found: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    def record(environment: dict[str, str], *words: str) -> str:
        given = dict(zip(words[2::2], words[3::2], strict=True))
        found.append((words[1], json.loads(given["--params"]), environment))
        return "a log line\n" + json.dumps({"versions": {**json.loads(given.get("--versions", "{}")), words[1]: 1}, "summary": {}})

    monkeypatch.setattr(cells, "_goeswith", record)
    return found


def test_a_failing_step_ends_with_its_own_words_and_the_home_it_failed_in(tmp_path: Path) -> None:
    with pytest.raises(GoeswithError, match="no job is called") as caught:
        cells._goeswith({"GOESWITH_HOME": str(tmp_path)}, "job", "no_such_job", "--run", "x")
    assert str(tmp_path) in caught.value.what


def test_a_main_cell_runs_a_fresh_shop_from_ingest_to_measurement(calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path) -> None:
    cells.run_main(tmp_path, Cell(source=SOURCES["synthetic"], data="", seed=4101), {})
    steps = ["ingest", "graph", "apply_features", "build_training_set", "train_cirp", "train_bundles", "train_mmsc", "evaluate_models"]
    assert [name for name, _, _ in calls] == steps
    assert calls[0][1]["ingest"]["options"] == {"seed": 4101}
    assert json.loads((tmp_path / "versions.json").read_text(encoding="utf-8")) == {"apply_features": 1, "build_training_set": 1}


def test_another_source_has_the_seed_in_training_alone(calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path) -> None:
    cells.run_main(tmp_path, Cell(source=SOURCES["hm"], data="/data/hm", seed=4101), {})
    assert calls[0][1] == {"ingest": {"source": "hm", "data": "/data/hm", "options": {}}, "reserve_holdout": {}}
    assert {params["overrides"]["seed"] for name, params, _ in calls if name.startswith("train")} == {4101}


def test_a_source_is_read_with_its_options_and_measured_on_what_its_authors_published(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    for name in ("clothing-titled", "gatne"):
        cells.run_main(tmp_path / name, Cell(source=SOURCES[name], data="/data/folder", seed=4101), {})
    ingests = [params["ingest"] for step, params, _ in calls if step == "ingest"]
    assert [(found["source"], sorted(found["options"])) for found in ingests] == [("bundlerec", ["relations"]), ("gatne", [])]
    assert [params["published"] for step, params, _ in calls if step == "evaluate_models"] == ["", "/data/folder/test.txt"]


def test_a_variant_reads_the_main_lake_and_writes_to_a_home_of_its_own(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    main, home = tmp_path / "main", tmp_path / "no_texts"
    (main / "truth").mkdir(parents=True)
    write_json(main / "versions.json", {"training_sets": 3})
    cells.run_variant(home, main, main, VARIANTS["no_texts"], Cell(source=SOURCES["synthetic"], data="", seed=1, variant="no_texts"), {})
    assert [name for name, _, _ in calls] == ["train_cirp", "train_mmsc", "evaluate_models"]
    assert all(environment == {"GOESWITH_HOME": str(home), "GOESWITH_LAKE": str(main / "lake")} for _, _, environment in calls)
    assert calls[0][1]["overrides"]["drop"] == ["text"]
    assert calls[2][1]["baselines"] is False
    assert (home / "truth").resolve() == main / "truth"


def test_a_control_of_the_encoder_trains_the_encoder_alone(calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path) -> None:
    write_json(tmp_path / "main" / "versions.json", {})
    cell = Cell(source=SOURCES["synthetic"], data="", seed=1, variant="cic_only")
    cells.run_variant(tmp_path / "cic_only", tmp_path / "main", tmp_path / "main", VARIANTS["cic_only"], cell, {})
    assert [name for name, _, _ in calls] == ["train_cirp", "evaluate_models"]


def test_a_pruned_graph_is_built_in_a_lake_of_its_own_and_trained_on_for_as_much_less(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    main, home = tmp_path / "main", tmp_path / "prune_90_random"
    write_json(main / "versions.json", {"training_sets": 3})
    write_atomically(main / "lake" / "items" / "part", "rows")
    cell = Cell(source=SOURCES["synthetic"], data="", seed=1, variant=home.name)
    cells.run_variant(home, main, main, VARIANTS[home.name], cell, {})
    assert [name for name, _, _ in calls] == [
        *("prune_pairs", "judge_edges", "build_relations", "apply_features", "build_training_set", "train_cirp", "evaluate_models")
    ]
    assert calls[0][1] == {"rate": 0.9, "scorer": "random"}
    assert calls[5][1]["overrides"]["item_updates"] == 24_000
    assert {environment["GOESWITH_LAKE"] for _, _, environment in calls} == {str(home / "lake")}
    assert (home / "lake" / "items" / "part").samefile(main / "lake" / "items" / "part")


def test_a_change_of_mmsc_alone_takes_cirp_as_the_main_cell_trained_it(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    main, home = tmp_path / "main", tmp_path / "no_denoising"
    write_json(main / "versions.json", {})
    write_atomically(main / "models" / cells.RUN / "evaluation" / "cirp" / "vectors", "theirs")
    cells.run_variant(home, main, main, VARIANTS[home.name], Cell(source=SOURCES["synthetic"], data="", seed=1, variant=home.name), {})
    assert [name for name, _, _ in calls] == ["train_mmsc", "evaluate_models"]
    assert (home / "models" / cells.RUN / "evaluation" / "cirp" / "vectors").read_text(encoding="utf-8") == "theirs"


def test_without_verdicts_the_graph_is_built_anew_and_nobody_is_asked(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    main, home = tmp_path / "main", tmp_path / "no_verdicts"
    write_json(main / "versions.json", {"edge_verdicts": 3, "item_pairs": 2})
    for table in ("edge_verdicts", "item_pairs"):
        write_atomically(main / "lake" / table / "part", "rows")
    cells.run_variant(home, main, main, VARIANTS[home.name], Cell(source=SOURCES["synthetic"], data="", seed=1, variant=home.name), {})
    assert [name for name, _, _ in calls] == ["build_relations", "apply_features", "build_training_set", "train_mmsc", "evaluate_models"]
    assert {path.name for path in (home / "lake").iterdir()} == {"item_pairs"}


def test_the_leak_is_trained_on_the_published_graph_and_measured_like_the_others(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    write_json(tmp_path / "main" / "versions.json", {})
    cell = Cell(source=SOURCES["synthetic"], data="", seed=1, variant="leaky")
    write_atomically(tmp_path / "leaky" / "models" / cells.RUN / "full" / "cirp" / "vectors", "")
    cells.run_variant(tmp_path / "leaky", tmp_path / "main", tmp_path / "main", VARIANTS["leaky"], cell, {})
    assert [(name, params.get("graph")) for name, params, _ in calls] == [("train_cirp", "full"), ("evaluate_models", None)]
    assert (tmp_path / "leaky" / "models" / cells.RUN / "evaluation" / "cirp" / "vectors").is_file()


def test_tables_show_each_slice_with_its_best_model_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [Figure(task="bundle", data="tiny", slice="all", model=m, metric="recall@20", value=v, n=9) for m, v in (("random", 0.1), ("cirp", 0.4))]
    evaluate._show(rows, write_atomically(tmp_path / "page.md", ""))
    printed = capsys.readouterr().out
    assert "tiny: bundle, all" in printed
    assert printed.index("cirp") < printed.index("random")


def test_another_seed_of_a_real_source_trains_on_what_the_first_has_made(
    calls: list[tuple[str, dict[str, Any], dict[str, str]]], tmp_path: Path
) -> None:
    made, home = tmp_path / "hm-4105" / "main", tmp_path / "hm-4106" / "main"
    write_json(made / "versions.json", {"training_sets": 3})
    (made / "pictures").mkdir()
    cells.run_seed(home, made, Cell(source=SOURCES["hm"], data="/data/hm", seed=4106, made_by=4105, tasks=("bundle",)), {"OMP_NUM_THREADS": "1"})
    assert [name for name, _, _ in calls] == ["train_cirp", "train_bundles", "evaluate_models"]
    assert all(environment["GOESWITH_LAKE"] == str(made / "lake") and environment["OMP_NUM_THREADS"] == "1" for _, _, environment in calls)
    assert calls[0][1]["overrides"] == {"seed": 4106}
    assert calls[2][1]["tasks"] == ["bundle"]
    assert (home / "pictures").resolve() == made / "pictures"
    assert json.loads((home / "versions.json").read_text(encoding="utf-8")) == {"training_sets": 3}
