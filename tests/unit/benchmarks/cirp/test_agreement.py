"""Both engines train the same model, by the same loss, on the same batches: what makes their speeds comparable."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.cirp.agreement import WHOLE, our_loss, require_same_loss, their_loss
from benchmarks.cirp.examples import Collated, Collator, Examples, _random_box
from benchmarks.cirp.lesson import Lesson, timed_batches
from benchmarks.cirp.ours import build_model, build_task, train_ours, trainer_config
from benchmarks.cirp.rival import WARM_STEPS, Objective, train_rival
from benchmarks.cirp.rival_model import BlipRival, MiniLmRival, build_rival
from goeswith.errors import DataContractError
from training.cirp.batches import SMALLEST_CROP, Plan
from training.cirp.task import Batch, CirpTask
from training.dataset import Ints
from training.trainer.loop import fit
from training.trainer.task import total_loss


@pytest.fixture
def task(lesson: Lesson) -> CirpTask:
    return build_task(lesson, build_model(lesson))


@pytest.fixture
def items(task: CirpTask) -> Ints:
    return next(timed_batches(task))


def collated(lesson: Lesson, items: Ints, *, cropped: bool = False) -> Collated:
    examples = Examples(lesson, cropped=cropped)
    return Collator(lesson)([examples[int(item)] for item in items])


def test_both_come_to_the_same_loss_dropout_included(lesson: Lesson, task: CirpTask, items: Ints) -> None:
    assert their_loss(lesson, task, items) == pytest.approx(our_loss(task, items), abs=1e-4)
    require_same_loss(lesson, task, items)


def test_engines_that_differ_are_refused(lesson: Lesson, task: CirpTask, items: Ints) -> None:
    heavier = replace(lesson, recipe=replace(lesson.recipe, itc_weight=0.11))
    with pytest.raises(DataContractError, match="by goeswith and"):
        require_same_loss(heavier, task, items)


def test_an_item_without_text_or_picture_is_missing_to_both(lesson: Lesson) -> None:
    features = lesson.shop.training.items
    gone: dict[str, Any] = {name: (None, *getattr(features, name)[1:]) for name in ("titles", "descriptions", "brands")}
    gone |= {"categories": ((), *features.categories[1:]), "images": (*features.images[:-1], None)}
    poorer = replace(features, **gone)
    poor = replace(lesson, shop=replace(lesson.shop, training=replace(lesson.shop.training, items=poorer)))
    task, items = build_task(poor, build_model(poor)), np.arange(len(poorer))
    assert not collated(poor, items).has_text[0]
    assert not collated(poor, items).has_image[-1]
    assert their_loss(poor, task, items) == pytest.approx(our_loss(task, items), abs=1e-4)


def test_the_rival_learns_what_ours_learns(lesson: Lesson, task: CirpTask, items: Ints) -> None:
    model = build_rival(task.model.cirp, lesson.recipe).train()
    torch.autograd.backward(total_loss(Objective(lesson, model).losses(model, collated(lesson, items))))
    torch.autograd.backward(total_loss(task.losses(task.load(Plan(items, WHOLE.expand(len(items), 2, 3))))))
    learning, ours = ([p.numel() for p in module.parameters() if p.grad is not None] for module in (model, task.model.cirp))
    assert sum(learning) == sum(ours) > 0


def test_the_rival_freezes_what_ours_freezes(lesson: Lesson, task: CirpTask) -> None:
    model = build_rival(task.model.cirp, lesson.recipe).train()
    if isinstance(model, MiniLmRival):
        layers = model.bert.encoder.layer
        assert [layer.training for layer in layers] == [at >= len(layers) - lesson.recipe.trained_text_layers for at in range(len(layers))]
    else:
        assert isinstance(model, BlipRival)
        assert [layer.training for layer in model.vision.encoder.layers] == [False, True]
        assert [layer.training for layer in model.text_encoder.encoder.layer] == [False, True]


def test_the_rival_trains_the_very_batches_that_ours_is_timed_on(
    lesson: Lesson, task: CirpTask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[list[int]] = []
    load = CirpTask.load

    def remember(self: CirpTask, plan: Plan) -> Batch:
        loaded.append(plan.items.tolist())
        return load(self, plan)

    monkeypatch.setattr(CirpTask, "load", remember)
    fit(task, trainer_config(lesson, epochs=3), tmp_path)
    assert loaded[task.steps_per_epoch() :] == [batch.tolist() for batch in timed_batches(task, epochs=2)]


def test_crops_differ_from_time_to_time_in_size_and_kind_alike(lesson: Lesson, items: Ints) -> None:
    whole, one, other = (collated(lesson, items[:8], cropped=cropped).pixels for cropped in (False, True, True))
    assert whole.shape == one.shape == (8, 3, lesson.recipe.image_px, lesson.recipe.image_px)
    assert not torch.equal(one, other)
    assert one.dtype == whole.dtype == torch.float32


def test_a_crop_lies_within_the_picture_and_every_second_one_is_mirrored() -> None:
    torch.manual_seed(0)
    drawn = [_random_box(120, 80) for _ in range(200)]
    sides = np.array([(right - left, bottom - top) for (left, top, right, bottom), _ in drawn]) / (120, 80)
    assert all(left >= 0 and top >= 0 and right <= 120 and bottom <= 80 for (left, top, right, bottom), _ in drawn)
    assert (sides >= SMALLEST_CROP - 1e-6).all()
    assert np.allclose(sides[:, 0], sides[:, 1])
    assert 0.4 < np.mean([mirrored for _, mirrored in drawn]) < 0.6


@pytest.mark.parametrize("workers", [0, 1])
def test_the_rivals_loop_times_all_but_its_first_steps(lesson: Lesson, items: Ints, workers: int) -> None:
    run = train_rival(lesson, build_model(lesson), [items[:9]] * WARM_STEPS + [items[:7]], workers)
    assert run.items == 7
    assert run.seconds > run.waited_s > 0
    assert run.fill_s == 0


def test_ours_fills_its_caches_anew_counts_that_and_computes_less_an_item(lesson: Lesson, items: Ints) -> None:
    kept = lesson.folder / "cache" / "of-an-earlier-run"
    kept.mkdir(parents=True, exist_ok=True)
    ours, theirs = train_ours(lesson), train_rival(lesson, build_model(lesson), [items] * (WARM_STEPS + 1), 0)
    assert not kept.exists()
    assert ours.fill_s > 0
    assert ours.seconds > ours.waited_s > 0
    assert ours.flops_per_item < theirs.flops_per_item * (1 if lesson.recipe.towers == "blip" else 0.5)
