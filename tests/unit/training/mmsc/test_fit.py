"""Training as a whole, and the job around it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import RUN
from tests.unit.training.mmsc.tiny import SMALL, pairs_of, small, tiny_data, tiny_tokens, write_tiny_cirp
from training.dataset import TrainingSet
from training.jobs import train_mmsc
from training.mmsc.fit import Fitted, fit_mmsc
from training.mmsc.graph import build_graph
from training.mmsc.model import Mmsc
from training.mmsc.pairs import Split, with_content_pairs
from training.mmsc.recipe import MmscRecipe
from training.mmsc.scorer import load_scorer
from training.mmsc.start import start_features
from training.mmsc.task import Batch, MmscTask

OVERRIDES = {"width": 24, "item_width": 16, "pool": 32, "batch": 64, "epochs": 2, "fanout": 4}
NO_ROUNDS = np.zeros(0, dtype=np.int64)
NO_PATHS: dict[str, object] = {"substitute_paths": [], "complement_paths": []}
GATES: dict[str, object] = {"semantic_gate": "half", "task_gate": "random"}
ALIKE: dict[str, object] = {"substitute_paths": ["s", "a"], "complement_paths": ["c", "ac"]}
SWITCHES: list[dict[str, object]] = [{"ssl_weight": 0.0}, GATES, {"content": False}, {"modalities": ["image"]}, {"trees": False}, NO_PATHS, ALIKE]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    return tiny_data(load_profile(overrides={"home": tmp_path_factory.mktemp("lake")}))


def train(data: TrainingSet, folder: Path, recipe: MmscRecipe) -> Fitted:
    return fit_mmsc(data, tiny_tokens(data.items), recipe, folder, inputs={})


def task_of(data: TrainingSet, recipe: MmscRecipe) -> MmscTask:
    tokens, graph = tiny_tokens(data.items), build_graph(data.pairs, len(data.items))
    torch.manual_seed(0)
    model = Mmsc(recipe, tokens.sizes, start_features(graph, recipe.item_width, 1))
    return MmscTask(recipe, model, tokens, graph, Split(data.pairs, pairs_of(), NO_ROUNDS, data.pairs))


def test_every_term_of_the_loss_falls_in_training(data: TrainingSet, tmp_path: Path) -> None:
    curve = train(data, tmp_path, SMALL).curve
    for term in ("substitute_loss", "complement_loss", "ssl_loss"):
        assert curve[-1][term] < curve[0][term], term


def test_the_same_seed_gives_the_same_bits(data: TrainingSet, tmp_path: Path) -> None:
    a, b = (train(data, tmp_path / name, small(epochs=2)).vectors.tensors for name in "ab")
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_negatives_are_never_adjacent_and_a_one_way_complement_is_told_from_its_reverse(data: TrainingSet) -> None:
    task = task_of(data, SMALL)
    batch = next(task.plans(torch.Generator().manual_seed(0)))
    size, pool = len(batch.kinds), batch.nodes[3 * len(batch.kinds) :]
    known = {(t[0], *sorted((int(s), int(d)))) for s, d, t in zip(data.pairs.src, data.pairs.dst, data.pairs.types, strict=True)}
    for row, column in batch.allowed[:, :-2].nonzero().tolist():
        pair = sorted((int(batch.nodes[row]), int(pool[column])))
        assert ("sc"[int(batch.kinds[row])], *pair) not in known
    assert torch.equal(batch.allowed[:, -1], batch.kinds == 1)
    assert len(batch.nodes) == 3 * size + SMALL.pool


def test_hard_negatives_come_from_the_other_task(data: TrainingSet) -> None:
    batch = next(task_of(data, SMALL).plans(torch.Generator().manual_seed(0)))
    size = len(batch.kinds)
    of = {(t, int(s), int(d)) for s, d, t in zip(data.pairs.src, data.pairs.dst, data.pairs.types, strict=True)}
    rows = batch.allowed[:, -2].nonzero().flatten().tolist()
    assert rows
    for row in rows:
        s, h = int(batch.nodes[row]), int(batch.nodes[row + 2 * size])
        other = "complement" if int(batch.kinds[row]) == 0 else "substitute"
        assert (other, s, h) in of or (other, h, s) in of


def test_the_verdicts_weights_change_the_loss_only_while_they_are_read(data: TrainingSet) -> None:
    def loss(recipe: MmscRecipe, weights: np.ndarray) -> float:
        pairs = data.pairs
        changed = TrainingSet(
            data.graph, data.items, type(pairs)(pairs.src, pairs.dst, pairs.types, pairs.relations, weights.astype(np.float32), pairs.counts)
        )
        task = task_of(data, recipe)
        task.split = Split(changed.pairs, pairs_of(), NO_ROUNDS, changed.pairs)
        return float(task.losses(next(task.plans(torch.Generator().manual_seed(0))))["complement_loss"].detach())

    even, uneven = np.full(len(data.pairs), 0.5), np.linspace(0.01, 1, len(data.pairs))
    assert loss(SMALL, even) != pytest.approx(loss(SMALL, uneven), rel=1e-6)
    ignoring = small(verdict_weights=False)
    assert loss(ignoring, even) == pytest.approx(loss(ignoring, uneven), rel=1e-6)


def test_a_task_without_edges_answers_by_content_and_says_so(data: TrainingSet, tmp_path: Path) -> None:
    without = TrainingSet(data.graph, data.items, data.pairs.of_type("complement"))
    fitted = train(without, tmp_path, small(epochs=3))
    assert fitted.by_content == ("substitute",)
    assert set(fitted.vectors.sources("substitute").tolist()) == {0}
    nearest = fitted.vectors.nearest("substitute", np.arange(60), 1)[:, 0]
    same = [data.items.ids[i].rsplit("-", 1)[0] == data.items.ids[j].rsplit("-", 1)[0] for i, j in enumerate(nearest)]
    assert np.mean(same) > 0.8


def test_stand_in_pairs_join_only_items_that_have_content(data: TrainingSet) -> None:
    tokens = tiny_tokens(data.items).only(())
    pairs, missing = with_content_pairs(pairs_of(), tokens)
    assert missing == ("substitute", "complement")
    assert len(pairs) == 0


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch_trains_and_leaves_a_folder_that_can_be_scored(profile: Profile, switch: dict[str, object]) -> None:
    data = tiny_data(profile)
    write_tiny_cirp(profile, data.items, "full")
    job = JobRun(profile=profile, run_id=RUN, params={"graph": "full", "overrides": {**OVERRIDES, "epochs": 1, **switch}})
    train_mmsc.run(job)
    scores = load_scorer(profile.models / RUN / "full" / "mmsc", data).score("complement", np.array([0, 1]), np.array([[2, 3], [4, 5]]))
    assert bool(((scores >= 0) & (scores <= 1)).all())


def test_a_second_run_of_the_job_trains_nothing(profile: Profile) -> None:
    data = tiny_data(profile, "evaluation")
    write_tiny_cirp(profile, data.items, "evaluation")
    job = JobRun(profile=profile, run_id=RUN, params={"graph": "evaluation", "overrides": OVERRIDES})
    first = train_mmsc.run(job)
    path = profile.models / RUN / "evaluation" / "mmsc" / "vectors.safetensors"
    before = path.stat().st_mtime_ns
    assert train_mmsc.run(job) == first
    assert path.stat().st_mtime_ns == before
    assert first.summary["pairs"] == {"substitute": 60, "complement": 60}
    assert not (path.parent / "checkpoints").exists()


def test_another_recipe_trains_anew_and_leaves_nothing_of_the_old_one(profile: Profile) -> None:
    data = tiny_data(profile)
    write_tiny_cirp(profile, data.items, "full")
    folder = profile.models / RUN / "full" / "mmsc"
    for margin in (0.3, 0.4):
        train_mmsc.run(JobRun(profile=profile, run_id=RUN, params={"overrides": {**OVERRIDES, "epochs": 1, "margin": margin}}))
        assert not (folder / "reranker_substitute.txt").exists()
        (folder / "reranker_substitute.txt").write_text("of the old recipe")


def test_a_killed_run_goes_on_to_the_same_bits(data: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, steps, losses = small(epochs=3), iter(range(100)), MmscTask.losses
    every_step = replace(recipe.trainer(120), checkpoint_every=1)
    monkeypatch.setattr(MmscRecipe, "trainer", lambda *_: every_step)
    whole = train(data, tmp_path / "whole", recipe).vectors.tensors

    def killed_at_the_fourth(self: MmscTask, batch: Batch) -> dict[str, torch.Tensor]:
        if next(steps) == 3:
            raise KeyboardInterrupt
        return losses(self, batch)

    monkeypatch.setattr(MmscTask, "losses", killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "killed", recipe)
    again = train(data, tmp_path / "killed", recipe).vectors.tensors
    assert next(steps) == 3 + 1 + 3, "the steps before, the one that was killed, and those that were left"
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_without_cirp_the_job_names_the_job_to_run(profile: Profile) -> None:
    tiny_data(profile)
    with pytest.raises(ModelInvalid, match="train_cirp"):
        train_mmsc.run(JobRun(profile=profile, run_id=RUN))


def test_an_unknown_field_of_the_recipe_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(ConfigError, match="margin"):
        train_mmsc.choose_recipe(train_mmsc.Config(overrides={"margine": 1}))


def test_a_folder_of_other_items_is_refused(profile: Profile) -> None:
    data = tiny_data(profile)
    write_tiny_cirp(profile, data.items, "full")
    train_mmsc.run(JobRun(profile=profile, run_id=RUN, params={"overrides": {**OVERRIDES, "epochs": 1}}))
    folder = profile.models / RUN / "full" / "mmsc"
    (folder / "items.json").write_text('["another"]')
    with pytest.raises(ModelInvalid, match="other items"):
        load_scorer(folder, data)
