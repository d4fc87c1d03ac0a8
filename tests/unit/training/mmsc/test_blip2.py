"""Q-Former tokens from a tiny random checkpoint of the real classes."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Blip2Config, Blip2Model, Blip2QFormerConfig, Blip2VisionConfig, OPTConfig

from goeswith.errors import ConfigError
from goeswith.pictures import store_picture
from training.dataset import Items
from training.mmsc.blip2 import load_qformer, pixels_of, with_qformer_tokens
from training.mmsc.content import ContentHead, Tokens


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vision = Blip2VisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    qformer = Blip2QFormerConfig(
        vocab_size=20,
        hidden_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        encoder_hidden_size=16,
        cross_attention_frequency=1,
    )
    words = OPTConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, ffn_dim=8, num_attention_heads=1, max_position_embeddings=16, word_embed_proj_dim=8
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("blip2")
    config = Blip2Config(vision_config=vision.to_dict(), qformer_config=qformer.to_dict(), text_config=words.to_dict(), num_query_tokens=5)
    Blip2Model(config).save_pretrained(folder, safe_serialization=True)
    return folder


def picture(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


def test_each_picture_gives_its_tokens_and_the_content_head_reads_them(checkpoint: Path, tmp_path: Path) -> None:
    images = (store_picture(tmp_path, picture((200, 0, 0))), None, store_picture(tmp_path, picture((0, 0, 200))))
    none = (None,) * 3
    items = Items(("a", "b", "c"), none, none, ((),) * 3, none, np.ones(3, np.float32), images, none)
    text = Tokens({"text": torch.randn(3, 1, 8)}, {"text": torch.ones(3, dtype=torch.bool)})
    tokens = with_qformer_tokens(text, load_qformer(checkpoint), tmp_path, items)
    assert tokens.values["image"].shape == (3, 5, 12)
    assert tokens.present["image"].tolist() == [True, False, True]
    assert float(tokens.values["image"][1].abs().sum()) == 0
    assert not torch.equal(tokens.values["image"][0], tokens.values["image"][2])
    assert ContentHead(tokens.sizes, 16)(tokens).shape == (3, 16)


def test_the_language_model_is_not_kept(checkpoint: Path) -> None:
    model = load_qformer(checkpoint)
    assert not any(name.startswith("language_model") for name, _ in model.named_parameters())
    assert not any(p.requires_grad for p in model.parameters())


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no BLIP-2 checkpoint"):
        load_qformer(tmp_path)


def test_pixels_have_the_models_size_and_normalisation(tmp_path: Path) -> None:
    pixels = pixels_of(tmp_path, store_picture(tmp_path, picture((255, 255, 255))), 28)
    assert pixels.shape == (3, 28, 28)
    assert pixels[:, 0, 0].tolist() == pytest.approx([1.9303, 2.0749, 2.1459], abs=1e-3)
