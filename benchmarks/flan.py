"""Flan-T5 as a judge, beside what a competent user writes with ``transformers``: prompts in batches through ``generate``, the word that comes out.

Both judge the same pairs of the synthetic shop with the same weights, by turns, in one process; where no checkpoint is given, one of
Flan-T5-small's shape with random weights is made, which takes as long as a trained one, for every answer is made as long as a label is.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.cirp.shop import build_items
from benchmarks.estimates import geometric_mean
from goeswith.catalogue.graph import LABELS
from goeswith.errors import DataContractError
from goeswith.pair_judge.item import Item
from goeswith.results import Figure
from spark_jobs.judges.base import ItemPair
from spark_jobs.judges.flan_t5 import MAX_TOKENS, FlanT5Judge
from spark_jobs.sources.shop import DEFAULT_SEED, plant_shop
from spark_jobs.sources.shop.tables import item_rows

DATA = "synthetic"
OURS = "goeswith"
BATCHES = (1, 8, 32)
"""Prompts a call of the rival's ``generate``: 1 is what ``transformers``' pipelines take where nothing else is said."""
SMALL = {"d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
VOCABULARY = 32_128
CHECKED = 8
NEAR = {"float32": 1e-3, "bfloat16": 0.05}
"""How far chances of both may differ: padding changes the order in which numbers are added."""
Dtype = Literal["float32", "bfloat16"]
Tell = Callable[[str], None]


def bench_flan(folder: Path, pairs: Sequence[ItemPair], dtype: Dtype, repeats: int, tell: Tell) -> list[Figure]:
    """Return pairs a second of both, and their ratios, paired by repeat. Raises ``DataContractError`` where both read the model differently."""
    ours = FlanT5Judge(folder, dtype)
    rival = Rival(folder, dtype, ours.prompt.fill)
    require_same_answers(ours, rival, pairs[:CHECKED])
    judges: dict[str, Callable[[Sequence[ItemPair]], Any]] = {OURS: ours.judge}
    judges |= {f"transformers, batch {size}": partial(rival.judge, size=size) for size in BATCHES}
    speeds: dict[str, list[float]] = defaultdict(list)
    for repeat in range(repeats):
        for name, judge in judges.items():
            tell(f"{name}, {repeat + 1} of {repeats}")
            speeds[name].append(_pairs_per_s(judge, pairs))
    return [figure for name in judges for figure in _figures(f"flan-t5, {dtype}", name, speeds, len(pairs))]


class Rival:
    """The plain loop: one tokenizer call and one ``generate`` a batch, in the order of the pairs."""

    def __init__(self, folder: Path, dtype: Dtype, fill: Callable[[ItemPair], str]) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=getattr(torch, dtype), local_files_only=True).eval()
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.fill = fill
        self.longest = max(len(self.tokenizer(label)["input_ids"]) for label in LABELS)

    def judge(self, pairs: Sequence[ItemPair], size: int) -> list[str]:
        """Return the words that the model writes, ``size`` pairs at a time."""
        answers: list[str] = []
        for at in range(0, len(pairs), size):
            read = self._read(pairs[at : at + size])
            written = self.model.generate(**read, min_new_tokens=self.longest, max_new_tokens=self.longest, do_sample=False)
            answers += self.tokenizer.batch_decode(written, skip_special_tokens=True)
        return answers

    @torch.inference_mode()
    def first_logits(self, pairs: Sequence[ItemPair]) -> torch.Tensor:
        """Return the logits (P, V) of the first token that it would write."""
        start = torch.full((len(pairs), 1), self.model.config.decoder_start_token_id, device=self.model.device)
        logits: torch.Tensor = self.model(**self._read(pairs), decoder_input_ids=start).logits[:, 0]
        return logits.float().cpu()

    def _read(self, pairs: Sequence[ItemPair]) -> Any:
        prompts = [self.fill(pair) for pair in pairs]
        return self.tokenizer(prompts, return_tensors="pt", padding=True, truncation=True, max_length=MAX_TOKENS).to(self.model.device)


def require_same_answers(ours: FlanT5Judge, rival: Rival, pairs: Sequence[ItemPair]) -> None:
    """Raise ``DataContractError`` where our chances are not those of the rival's model for the labels' first tokens."""
    ids = [rival.tokenizer(label, add_special_tokens=False)["input_ids"][0] for label in LABELS]
    theirs = rival.first_logits(pairs)[:, ids].softmax(-1).numpy()
    found = np.array([[v.p_substitute, v.p_complement, v.p_neither] for v in ours.judge(pairs)])
    if not np.allclose(found, theirs, atol=NEAR[ours.dtype]):
        raise DataContractError(f"the judge's chances differ from the model's by {np.abs(found - theirs).max():.4f}", "this is a bug of the judge")


def _pairs_per_s(judge: Callable[[Sequence[ItemPair]], Any], pairs: Sequence[ItemPair]) -> float:
    started = time.perf_counter()
    judge(pairs)
    return len(pairs) / (time.perf_counter() - started)


def _figures(part: str, name: str, speeds: dict[str, list[float]], count: int) -> list[Figure]:
    values = {"pairs_per_s": speeds[name]}
    if name != OURS:
        values["goeswith/pairs_per_s"] = [mine / theirs for mine, theirs in zip(speeds[OURS], speeds[name], strict=True)]
    found = {metric: geometric_mean(several) for metric, several in values.items()}
    return [
        Figure(task="judge", data=DATA, slice=part, model=name, metric=metric, value=one.value, low=one.low, high=one.high, n=count)
        for metric, one in found.items()
    ]


def draw_pairs(count: int, seed: int = DEFAULT_SEED) -> list[ItemPair]:
    """Return random pairs of the synthetic shop's items, as the pipeline's judges read them."""
    shop = build_items(sorted(item_rows(plant_shop(seed, 1_000).truth.items, seed), key=lambda row: row["item_id"]))
    read = zip(shop.titles, shop.descriptions, shop.brands, shop.categories, shop.prices.tolist(), strict=True)
    items = [Item(title=title, description=text, brand=brand, category=path, price=price) for title, text, brand, path, price in read]
    ends = np.random.default_rng(seed).integers(len(items), size=(count, 2))
    return [ItemPair(items[a], items[b]) for a, b in ends.tolist()]


def make_checkpoint(folder: Path, pairs: Sequence[ItemPair]) -> Path:
    """Write a Flan-T5-small with random weights, and a tokenizer of the words of these pairs' prompts; once a folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    if (folder / "config.json").is_file():
        return folder
    splitter, fill = pre_tokenizers.Whitespace(), FlanT5Judge(folder).prompt.fill
    words = sorted({word for pair in pairs for word, _ in splitter.pre_tokenize_str(fill(pair))} | set(LABELS))
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    known = {word: at for at, word in enumerate(dict.fromkeys((*special.values(), *words)))}
    tokenizer: Any = Tokenizer(models.WordLevel(known, special["unk_token"]))
    tokenizer.pre_tokenizer = splitter
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", known["</s>"])])
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    numbers = {"vocab_size": VOCABULARY, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
    T5ForConditionalGeneration(T5Config.from_dict({**SMALL, **numbers})).save_pretrained(folder)
    return folder
