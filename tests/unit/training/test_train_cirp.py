"""The job ``train_cirp``."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from goeswith.errors import ConfigError, DataContractError
from goeswith.jobs import JobRun
from goeswith.profile import load_profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.jobs import train_cirp
from training.jobs.train_cirp import Config, choose_recipe

QUICK = {"untrained": True, "image_px": 16, "dim": 16}


def test_the_job_writes_its_graphs_folder_and_does_nothing_the_second_time(tmp_path: Path) -> None:
    profile = load_profile(overrides={"home": tmp_path})
    job = JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile), params={"graph": "evaluation", "overrides": QUICK})
    first, second = train_cirp.run(job), train_cirp.run(job)
    folder = profile.models / RUN / "evaluation" / "cirp"
    assert {path.name for path in folder.iterdir()} >= {
        "model.safetensors",
        "recipe.json",
        "items.json",
        "vectors.safetensors",
        "tokenizer.json",
        "untrained",
    }
    assert first.summary["with_image"] == 60
    assert second.summary["unchanged"]


def test_an_experiment_has_its_own_folder(tmp_path: Path) -> None:
    profile = load_profile(overrides={"home": tmp_path})
    params = {"graph": "full", "variant": "no_pictures", "overrides": {**QUICK, "drop": ["image"]}}
    result = train_cirp.run(JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile), params=params))
    assert (profile.models / RUN / "full" / "cirp-no_pictures" / "recipe.json").is_file()
    assert result.summary["with_image"] == 0
    assert "picture" in result.summary["notes"][0]


def test_two_processes_train_what_one_does_with_the_same_batches_a_step(tmp_path: Path) -> None:
    """Texts alone: the pictures' batch normalisation has running statistics of what a process saw."""
    recipe = {"accumulate": 2, "batch": 16, "train_tokens": 8, "dim": 16, "max_epochs": 2, "map_steps": 100, "warmup": 0, "drop": ["image"]}
    profile = load_profile(overrides={"home": tmp_path})
    versions = write_tiny_lake(profile)
    for variant, ranks in (("alone", 1), ("both", 2)):
        params = {"graph": "full", "variant": variant, "overrides": recipe, "ranks": ranks}
        found = train_cirp.run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params)).summary
        assert (found["epochs"], found["item_updates"]) == (2, 40)
    alone, both = (load_file(profile.models / RUN / "full" / f"cirp-{variant}" / "vectors.safetensors") for variant in ("alone", "both"))
    assert torch.allclose(both["feature"], alone["feature"], atol=1e-4)


def test_what_a_process_among_several_refuses_is_told_as_of_one(tmp_path: Path) -> None:
    profile = load_profile(overrides={"home": tmp_path})
    params = {"graph": "full", "overrides": {**QUICK, "untrained": False}, "ranks": 2}
    with pytest.raises(ConfigError, match="shared equally by 2"):
        train_cirp.run(JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile), params=params))


@pytest.mark.parametrize("bad", [{"terms": ["itm"]}, {"widht": 3}, {"batch": 0}])
def test_a_recipe_field_that_is_unknown_or_illegal_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="recipe cirp_small"):
        choose_recipe(Config(graph="full", overrides=bad))


def test_a_run_without_a_training_set_is_refused_with_the_remedy(tmp_path: Path) -> None:
    profile = load_profile(overrides={"home": tmp_path})
    with pytest.raises(DataContractError, match="build_training_set"):
        train_cirp.run(JobRun(profile=profile, run_id="other", versions=write_tiny_lake(profile), params={"graph": "full"}))
