"""The item encoder's graphs: float32 and int8, of which one is served."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from goeswith.model_contract import EncoderReport, Precision
from model_repository.item_encoder import OUTPUTS
from training.export.agreement import measure_encoders
from training.export.graphs import write_onnx
from training.export.preprocess import Preprocess
from training.export.quantise import write_int8
from training.export.trained import Trained

SERVED = Path("item_encoder") / "model.onnx"
UNSERVED = Path("unserved")
"""The folder of the graph that is not served: it is for comparing, and no version takes it along."""


@dataclass(frozen=True, slots=True)
class WrittenEncoder:
    """What was written: the largest difference between the float32 graph and its module, and both graphs' figures."""

    parity: float
    report: EncoderReport


def write_encoders(trained: Trained, precision: Precision, pictures: Path, folder: Path) -> WrittenEncoder:
    """Write both graphs below an export's ``folder``, that of ``precision`` as the served one, and measure both. Raises ``ModelInvalid``."""
    kinds: tuple[Precision, ...] = ("float32", "int8")
    paths = {kind: folder / UNSERVED / f"item_encoder.{kind}.onnx" for kind in kinds}
    inputs = _examples(trained.preprocess)
    parity = write_onnx(trained.encoder, inputs, OUTPUTS, paths["float32"])
    write_int8(paths["float32"], inputs, paths["int8"])
    report = measure_encoders(trained, paths, precision, pictures)
    (folder / SERVED).parent.mkdir()
    paths[precision].rename(folder / SERVED)
    return WrittenEncoder(parity, report)


def _examples(preprocess: Preprocess) -> dict[str, Tensor]:
    """Return random items: with both modalities, with either, with none; one text is short."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(4, preprocess.max_tokens, dtype=torch.int64)
    mask[1, preprocess.max_tokens // 2 :] = 0
    return {
        "input_ids": torch.randint(0, preprocess.vocabulary, (4, preprocess.max_tokens), generator=generator),
        "attention_mask": mask,
        "pixels": torch.randn(4, 3, preprocess.image_px, preprocess.image_px, generator=generator),
        "has_text": torch.tensor([[1], [1], [0], [0]], dtype=torch.uint8),
        "has_image": torch.tensor([[1], [0], [1], [0]], dtype=torch.uint8),
    }
