"""What each version was asked and how it answered, as Triton itself counts it (its metrics, model by model and version by version)."""

import math
import urllib.request
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from goeswith.errors import ModelUnavailable
from goeswith.model_contract import ModelSpec
from goeswith.settings import TritonSettings
from serving.rollout.decision import Load, Loads

SUCCEEDED, FAILED = "nv_inference_request_success", "nv_inference_request_failure"
"""Counters, the second by reason."""
TOOK = ("nv_inference_request_summary_us", "nv_inference_compute_infer_summary_us")
"""Percentiles of the last minute or so. Triton keeps none of whole requests for a model whose answers it remembers: then of the computed ones."""
TIMEOUT_S = 10.0


def read_loads(settings: TritonSettings, models: Sequence[ModelSpec], version: int, names: Mapping[str, str]) -> Loads:
    """Return what one version was asked since it was loaded, by model; ``names`` are those of models that are served under another.

    Raises ``ModelUnavailable`` where Triton does not tell.
    """
    url = f"http://{settings.host}:{settings.metrics_port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            text = answer.read().decode()
    except OSError as error:
        raise ModelUnavailable(f"Triton does not tell its figures at {url}: {error}", "start it: goeswith up") from error
    return parse_loads(text, models, version, names)


def parse_loads(text: str, models: Sequence[ModelSpec], version: int, names: Mapping[str, str]) -> Loads:
    """Return the load of each model from the text that Triton's metrics are."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    own = [sample for sample in samples if sample.labels.get("version") == str(version)]
    return {spec.name: _load([s for s in own if s.labels["model"] == names.get(spec.name, spec.name)]) for spec in models}


def _load(samples: Sequence[Sample]) -> Load:
    failed = _total(samples, FAILED)
    return Load(requests=_total(samples, SUCCEEDED) + failed, failed=failed, p99_ms=_p99(samples))


def _total(samples: Iterable[Sample], name: str) -> int:
    """A counter's sample has the suffix that its family lacks in some versions of the format."""
    return int(sum(sample.value for sample in samples if sample.name in (name, f"{name}_total")))


def _p99(samples: Iterable[Sample]) -> float | None:
    found = {sample.name: sample.value / 1e3 for sample in samples if sample.labels.get("quantile") == "0.99" and not math.isnan(sample.value)}
    return next((found[name] for name in TOOK if name in found), None)


def since(before: Loads, now: Loads) -> Loads:
    """Return what came between two readings; a version that was loaded anew meanwhile counts from then."""
    return {model: _difference(before.get(model, Load()), load) for model, load in now.items()}


def _difference(before: Load, now: Load) -> Load:
    if now.requests < before.requests or now.failed < before.failed:
        return now
    return Load(requests=now.requests - before.requests, failed=now.failed - before.failed, p99_ms=now.p99_ms)
