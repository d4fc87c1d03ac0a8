"""Traffic: threads that ask a model server without a pause, and count every answer and every failure."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event

from goeswith_client import ClientConfig, ClientError
from goeswith_client.triton import Inputs, TritonModels

Question = tuple[str, Inputs]
OUTPUTS = ("item_ids", "scores")


@dataclass(slots=True)
class Seen:
    """What one thread, or all of them, saw."""

    answers: Counter[str] = field(default_factory=Counter)
    """By the version that gave them."""
    versions: dict[str, set[str]] = field(default_factory=dict)
    """The versions that answered about each item."""
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def add(self, other: "Seen") -> None:
        """Take in what another thread saw."""
        self.answers += other.answers
        self.failures += other.failures
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        for about, versions in other.versions.items():
            self.versions[about] = self.versions.get(about, set()) | versions


def questions_about(item_ids: Sequence[str]) -> list[Question]:
    """Return four questions an item: both relations, a bundle of it and its neighbour, and one like it that is new."""
    found: list[Question] = []
    for item, other in zip(item_ids, [*item_ids[1:], item_ids[0]], strict=True):
        k = ("INT32", 5)
        found += [("relations", {"item_id": ("BYTES", item), "type": ("BYTES", kind), "k": k}) for kind in ("substitute", "complement")]
        found.append(("bundle", {"given": ("BYTES", [item, other]), "k": k}))
        raw = {"title": item.replace("-", " "), "description": "", "brand": "", "category": "", "image": "", "type": "substitute"}
        found.append(("new_item", {**{name: ("BYTES", text) for name, text in raw.items()}, "k": k}))
    return found


@contextmanager
def traffic(triton: str, manifest: Path, questions: Sequence[Question], threads: int = 3) -> Iterator[Seen]:
    """Ask for as long as the block lasts; what was seen is complete behind it."""
    seen, ended = Seen(), Event()
    config = ClientConfig(triton=triton, manifest=manifest, deadline_s=20)
    with ThreadPoolExecutor(threads) as pool:
        asking: list[Future[Seen]] = [pool.submit(_ask, config, questions[n:] + questions[:n], ended) for n in range(threads)]  # type: ignore[operator]
        try:
            yield seen
        finally:
            ended.set()
            for each in asking:
                seen.add(each.result())


def _ask(config: ClientConfig, questions: Sequence[Question], ended: Event) -> Seen:
    seen, models = Seen(), TritonModels(config)
    try:
        for model, inputs in cycle(questions):
            if ended.is_set():
                return seen
            started = time.monotonic()
            try:
                found = models.infer(model, inputs, OUTPUTS)
            except ClientError as error:
                seen.failures.append(f"{model}: {error}")
                continue
            seen.slowest_s = max(seen.slowest_s, time.monotonic() - started)
            seen.answers[found.model_version] += 1
            seen.versions.setdefault(str(inputs.get("item_id", ("", ""))[1]), set()).add(found.model_version)
    finally:
        models.close()
    return seen
