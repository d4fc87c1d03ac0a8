"""Flan-T5 as a judge: the probabilities of three label words from the logits of one forward pass, no text is generated.

MMSC, section on language-model-cleaned supervision. fp16 is not offered: T5 overflows in it and answers NaN.
Shapes: B pairs, V vocabulary.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ModelInvalid
from spark_jobs.judges.base import ItemPair, JudgeFailed, Verdict
from spark_jobs.judges.prompt import Prompt, load_prompt

MAX_TOKENS = 512
BATCH_TOKENS = 8_192
BLOCK_BYTES = 1 << 22


def has_weights(folder: Path) -> bool:
    """Tell whether a folder holds a configuration and safetensors weights; other formats may run code when they are read."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


@dataclass(frozen=True)
class FlanT5Judge:
    """A T5 checkpoint in a local folder, loaded when it is first asked."""

    folder: Path
    dtype: Literal["bfloat16", "float32"] = "float32"
    name: str = "flan-t5"
    chunk: int = 2_000
    both_ways: bool = True

    @cached_property
    def prompt(self) -> Prompt:
        """The question, with the answer's words in it."""
        return load_prompt("relation_v1")

    @property
    def prompt_version(self) -> str:
        """The prompt file's version."""
        return self.prompt.version

    @cached_property
    def revision(self) -> str:
        """The first 16 digits of the sha256 over the weights, and the number format that they are used in."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.safetensors")):
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
        return f"{digest.hexdigest()[:16]}-{self.dtype}"

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        """Return one verdict a pair, in order; pairs of like length share a forward pass. Raises ``JudgeFailed`` on NaN."""
        prompts = [self.prompt.fill(pair) for pair in pairs]
        tokens: list[list[int]] = self._tokenizer(prompts, truncation=True, max_length=MAX_TOKENS)["input_ids"] if prompts else []
        verdicts: list[Verdict | None] = [None] * len(pairs)
        for batch in batches_by_length([len(ids) for ids in tokens], BATCH_TOKENS):
            started = time.perf_counter()
            answers = self._label_chances([tokens[i] for i in batch])
            each = (time.perf_counter() - started) / len(batch)
            for row, chances in zip(batch, answers, strict=True):
                verdicts[row] = replace(_verdict(chances, verdicts, self.dtype), seconds=each, tokens=len(tokens[row]))
        return [verdict for verdict in verdicts if verdict is not None]

    def most(self, question_bytes: int, /) -> tuple[int, float]:
        """Return the tokens that are read; money is not counted."""
        return min(MAX_TOKENS, self.prompt.most_tokens(question_bytes)), 0.0

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModelForSeq2SeqLM

        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
        model = AutoModelForSeq2SeqLM.from_pretrained(self.folder, dtype=getattr(torch, self.dtype), **safe)
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def _label_ids(self) -> list[int]:
        """The first token of each label word. Raises ``ModelInvalid`` where two labels begin alike."""
        ids = [self._tokenizer(label, add_special_tokens=False)["input_ids"][0] for label in LABELS]
        if len(set(ids)) < len(LABELS):
            raise ModelInvalid(f"the tokenizer in {self.folder} begins two of {LABELS} with one token", "use a Flan-T5 checkpoint")
        return ids

    def _label_chances(self, tokens: list[list[int]]) -> list[list[float]]:
        """Return (B, 3): softmax over the label words' logits at the first decoded position; all logits there are (B, 1, V)."""
        import torch

        padded = self._tokenizer.pad({"input_ids": tokens}, return_tensors="pt").to(self._model.device)
        start = torch.full((len(tokens), 1), self._model.config.decoder_start_token_id, device=self._model.device)
        with torch.inference_mode():
            logits = self._model(**padded, decoder_input_ids=start, use_cache=False).logits
        chances: list[list[float]] = logits[:, 0, self._label_ids].float().softmax(dim=-1).tolist()
        return chances


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield positions, longest first, in batches whose padded size stays within ``budget`` tokens (one row at least)."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _verdict(chances: list[float], paid: Sequence[Verdict | None], dtype: str) -> Verdict:
    if not 0.99 < sum(chances) < 1.01:  # NaN fails every comparison
        raise JudgeFailed(f"flan-t5 answered {chances} in {dtype}", "use judge.dtype: float32", paid)
    substitute, complement, neither = chances
    label = LABELS[chances.index(max(chances))]
    return Verdict(p_substitute=substitute, p_complement=complement, p_neither=neither, reason=f"flan-t5 says {label}")
