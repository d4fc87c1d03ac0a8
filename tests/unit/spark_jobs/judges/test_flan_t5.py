"""Flan-T5 over a tiny random checkpoint: the batched forward pass equals the plain one, and files are safe."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ModelInvalid
from goeswith.pair_judge.item import Item
from goeswith.settings import JudgeSettings
from spark_jobs.judges import build_judge
from spark_jobs.judges.base import ItemPair, JudgeFailed
from spark_jobs.judges.flan_t5 import FlanT5Judge, batches_by_length
from tests.unit.spark_jobs.judges.stand_ins import WORDS, write_checkpoint, write_model, write_tokenizer

PAIRS = [
    ItemPair(Item(title="red racket"), Item(title="blue racket")),
    ItemPair(Item(title="red racket", description="balls " * 40), Item(title="balls")),
    ItemPair(Item(), Item(title="balls", brand="red")),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("flan"))


def plain_chances(folder: Path, pair: ItemPair) -> list[float]:
    """Encode one unpadded prompt, decode one step from it, and normalise the three words' logits by hand."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model: Any = T5ForConditionalGeneration.from_pretrained(folder)
    ids = torch.tensor([tokenizer(FlanT5Judge(folder).prompt.fill(pair))["input_ids"]])
    with torch.no_grad():
        encoded = model.get_encoder()(input_ids=ids)
        logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id]])).logits[0, 0]
    weights = torch.exp(logits[[WORDS.index(label) for label in LABELS]])
    return [float(weight) for weight in weights / weights.sum()]


def test_one_padded_batch_gives_what_a_plain_pass_over_each_pair_gives(checkpoint: Path) -> None:
    for pair, verdict in zip(PAIRS, FlanT5Judge(checkpoint).judge(PAIRS), strict=True):
        assert [verdict.p_substitute, verdict.p_complement, verdict.p_neither] == pytest.approx(plain_chances(checkpoint, pair), abs=1e-5)
        assert verdict.reason == f"flan-t5 says {verdict.label}"


def test_the_answer_depends_on_what_the_items_say(checkpoint: Path) -> None:
    verdicts = FlanT5Judge(checkpoint).judge(PAIRS)
    assert len({verdict.p_substitute for verdict in verdicts}) == len(PAIRS)


def test_bfloat16_agrees_with_float32_and_is_another_revision(checkpoint: Path) -> None:
    half = build_judge(JudgeSettings(kind="flan-t5", model=str(checkpoint), dtype="bfloat16"))
    whole = FlanT5Judge(checkpoint)
    assert half.judge(PAIRS)[0].p_substitute == pytest.approx(whole.judge(PAIRS)[0].p_substitute, abs=0.02)
    assert half.revision != whole.revision


def test_no_pairs_give_no_verdicts(checkpoint: Path) -> None:
    assert FlanT5Judge(checkpoint).judge([]) == []


def test_weights_that_answer_nan_fail_with_the_remedy(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, WORDS)
    write_model(tmp_path)
    model = T5ForConditionalGeneration.from_pretrained(tmp_path)
    torch.nn.init.constant_(model.lm_head.weight, float("nan"))
    model.save_pretrained(tmp_path)
    with pytest.raises(JudgeFailed, match=r"nan.*\n.*float32"):
        FlanT5Judge(tmp_path).judge(PAIRS)


def test_a_tokenizer_that_cannot_tell_the_labels_apart_is_refused(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, [word for word in WORDS if word not in LABELS])
    write_model(tmp_path)
    with pytest.raises(ModelInvalid, match="begins two of"):
        FlanT5Judge(tmp_path).judge(PAIRS)


def test_batches_hold_like_lengths_within_the_budget_and_every_row_once() -> None:
    lengths = [3, 90, 5, 100, 4, 250]
    batches = list(batches_by_length(lengths, budget=200))
    assert sorted(row for batch in batches for row in batch) == list(range(6))
    assert batches == [[5], [3, 1], [2, 4, 0]]
