"""Which judge is taken, what is refused, and what a cached verdict depends on."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ConfigError
from goeswith.pair_judge.features import VERSION
from goeswith.pair_judge.item import Item
from goeswith.pair_judge.model import Recipe, write_model
from goeswith.profile import load_profile
from goeswith.settings import JudgeSettings
from spark_jobs.judges import build_judge, worker_judge
from spark_jobs.judges.base import ItemPair
from spark_jobs.judges.prompt import MAX_FIELD_CHARS, describe_item, load_prompt


def weights(folder: Path) -> Path:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_auto_takes_the_rules_where_no_weights_are_found() -> None:
    assert build_judge(JudgeSettings()).name == "rules"


def test_auto_takes_flan_t5_where_its_weights_are_found(tmp_path: Path) -> None:
    assert build_judge(JudgeSettings(model=str(weights(tmp_path)))).name == "flan-t5"


def test_auto_takes_a_learned_judge_as_what_its_folder_says_it_is(tmp_path: Path) -> None:
    recipe = Recipe(
        kind="supervised",
        teacher="people.tsv",
        features=VERSION,
        classes=LABELS,
        ngrams=(1, 2),
        bits=4,
        temperature=1.0,
        abstain_below=0.5,
        pairs=10,
        weights="",
    )
    write_model(tmp_path, recipe, np.zeros((recipe.shape.width, len(LABELS)), dtype=np.float32))
    assert build_judge(JudgeSettings(model=str(tmp_path))).name == "supervised"


def test_auto_with_a_folder_that_holds_no_judge_is_refused_instead_of_judging_by_rules(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no judge") as refused:
        build_judge(JudgeSettings(model=str(tmp_path)))
    assert "train_judge" in refused.value.remedy


def test_flan_t5_without_safetensors_is_refused_with_the_folder_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ConfigError, match=r"no safetensors weights") as refused:
        build_judge(JudgeSettings(kind="flan-t5", model=str(tmp_path)))
    assert str(tmp_path) in refused.value.what
    assert "GOESWITH_JUDGE__MODEL" in refused.value.remedy


def test_half_precision_is_refused_by_the_profile(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bfloat16"):
        load_profile(overrides={"home": tmp_path, "judge": {"dtype": "float16"}})


@pytest.mark.parametrize("missing", ["endpoint", "model"])
def test_openai_without_endpoint_or_model_is_refused(missing: str) -> None:
    given = {"endpoint": "http://127.0.0.1:1/v1", "model": "m", missing: ""}
    with pytest.raises(ConfigError, match=f"judge.{missing}"):
        build_judge(JudgeSettings(kind="openai", **given))


def test_an_endpoint_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="file:///etc/passwd"):
        build_judge(JudgeSettings(kind="openai", endpoint="file:///etc/passwd", model="m"))


def test_a_worker_builds_its_judge_once() -> None:
    settings = JudgeSettings(kind="rules")
    sent = pickle.loads(pickle.dumps(settings))  # noqa: S301 - how Spark ships settings to its workers
    assert worker_judge(settings) is worker_judge(sent)


def test_other_weights_are_another_revision(tmp_path: Path) -> None:
    before = build_judge(JudgeSettings(model=str(weights(tmp_path)))).revision
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert build_judge(JudgeSettings(model=str(tmp_path))).revision != before


def test_an_api_key_stands_in_no_representation() -> None:
    settings = JudgeSettings.model_validate({"kind": "openai", "endpoint": "http://h/v1", "model": "m", "api_key": "sk-secret"})
    assert "sk-secret" not in repr(settings) + repr(build_judge(settings))


@pytest.mark.parametrize("name", ["relation_v1", "relation_json_v1"])
def test_a_prompt_holds_both_items_and_its_version_names_its_text(name: str) -> None:
    prompt = load_prompt(name)
    question = prompt.fill(ItemPair(Item(title="{racket}"), Item(title="balls")))
    assert "title: {racket}" in question
    assert "title: balls" in question
    assert prompt.version.startswith(f"{name}-")


def test_a_description_of_any_length_is_cut_and_stays_on_one_line() -> None:
    text = describe_item(Item(title="pan", description="x\n" * 10_000, price=3.5, attributes=(("colour", "red"),)))
    assert "\n" not in text
    assert len(text) < 2 * MAX_FIELD_CHARS
    assert text.startswith("title: pan; attributes: colour red; price: 3.5; description: x x")
