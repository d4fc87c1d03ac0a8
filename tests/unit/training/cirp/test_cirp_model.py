"""The encoder: kept hidden states equal the whole tower, and BLIP's classes load as they are saved."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BlipConfig, BlipForImageTextRetrieval

from goeswith.errors import ConfigError
from training.cirp.blip_image import BlipImageTower
from training.cirp.model import Cirp, build_cirp
from training.cirp.momentum import Momentum
from training.cirp.recipe import cirp_blip_base, cirp_small
from training.cirp.towers import MINILM
from training.text_tokens import load_tokenizer, pad_id, pad_tokens, tokenise

TINY = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def small() -> Cirp:
    torch.manual_seed(0)
    return build_cirp(replace(cirp_small(), trained_text_layers=1)).eval()


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a tiny random BLIP with the real classes."""
    folder = tmp_path_factory.mktemp("blip")
    torch.manual_seed(0)
    config = BlipConfig(
        text_config={**TINY, "vocab_size": 30522, "encoder_hidden_size": 16, "bos_token_id": 101, "pad_token_id": 0, "sep_token_id": 102},
        vision_config={**TINY, "image_size": 32, "patch_size": 16},
        image_text_hidden_size=8,
    )
    BlipForImageTextRetrieval(config).save_pretrained(folder)
    Tokenizer.from_file(str(MINILM / "tokenizer.json")).save(str(folder / "tokenizer.json"))
    return folder


def token_batch(texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    tokenizer = load_tokenizer(MINILM)
    ids, mask = pad_tokens(tokenise(tokenizer, texts), pad_id(tokenizer))
    return torch.from_numpy(ids), torch.from_numpy(mask)


@torch.no_grad()
def test_the_text_tower_gives_what_minilm_gives(small: Cirp) -> None:
    from transformers import BertModel

    ids, mask = token_batch(["a red pan", "tennis balls for the green court"])
    hidden = BertModel.from_pretrained(MINILM, local_files_only=True, add_pooling_layer=False)(ids, mask).last_hidden_state
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    assert torch.allclose(small.encode_text(ids, mask), torch.nn.functional.normalize(mean, dim=1), atol=1e-5)


@torch.no_grad()
def test_kept_hidden_states_give_the_whole_towers_vector_whatever_the_padding(small: Cirp) -> None:
    ids, mask = token_batch(["a red pan", "tennis balls for the green court"])
    alone = small.text_tower.lower(ids[:1, :5], mask[:1, :5])
    assert torch.allclose(small.encode_hidden(alone, mask[:1, :5], ids[:1]), small.encode_text(ids, mask)[:1], atol=1e-5)


def test_only_the_last_text_layer_the_conv_tower_and_the_projections_learn(small: Cirp) -> None:
    learning = {".".join(name.split(".")[:3]) for name, p in small.named_parameters() if p.requires_grad}
    assert {name for name in learning if name.startswith("text_tower")} == {"text_tower.layers.5"}
    assert any(name.startswith("image_tower") for name in learning)
    assert {p.lr_scale for p in small.text_tower.upper_layers.parameters()} == {0.1}  # type: ignore[attr-defined]  # an attribute of ours


@torch.no_grad()
def test_the_feature_is_the_sum_with_the_pictures_share_and_falls_back_to_what_is_there(small: Cirp) -> None:
    text, image = (torch.nn.functional.normalize(torch.randn(3, width), dim=1) for width in (small.text_width, small.image_width))
    has_text, has_image = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    x = small.feature(text, image, has_text, has_image)
    t, v = small.text_projection(text), small.image_projection(image)
    assert torch.allclose(x[0], torch.nn.functional.normalize(t[0] + small.log_picture_share.exp() * v[0], dim=0), atol=1e-6)
    assert torch.allclose(x[1], t[1], atol=1e-6)
    assert x[2].abs().sum() == 0


def test_a_learned_vector_stands_for_what_is_missing_and_nothing_for_an_item_without_both() -> None:
    model = build_cirp(replace(cirp_small(), learned_missing=True))
    text, image = (torch.nn.functional.normalize(torch.randn(3, width), dim=1) for width in (model.text_width, model.image_width))
    has_text, has_image = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    assert model.missing is not None
    with torch.no_grad():
        model.missing[1] = 1.0
    x = model.feature(text, image, has_text, has_image)
    assert torch.allclose(x[1], torch.nn.functional.normalize(model.text_projection(text)[1] + 1, dim=0), atol=1e-6)
    assert x[2].abs().sum() == 0
    (gradient,) = torch.autograd.grad(x[:, 0].sum(), model.missing)
    assert gradient[1].abs().sum() > 0
    assert gradient[0].abs().sum() == 0


@torch.no_grad()
def test_before_training_projected_texts_are_the_towers_own(small: Cirp) -> None:
    text = torch.nn.functional.normalize(torch.randn(2, small.text_width), dim=1)
    assert torch.allclose(small.text_projection(text), text, atol=1e-5)


def test_the_temperature_is_clamped(small: Cirp) -> None:
    model = build_cirp(replace(cirp_small(), temperature=9.0))
    assert model.temperature == 0.5
    assert torch.isclose(small.temperature, torch.tensor(0.07))


@torch.no_grad()
def test_blip_loads_from_a_checkpoint_of_its_own_classes_and_gives_its_vectors(blip_folder: Path) -> None:
    recipe = replace(cirp_blip_base(), weights=str(blip_folder), trained_text_layers=1, trained_image_layers=1, image_px=32, dim=8)
    model = build_cirp(recipe).eval()
    whole = BlipForImageTextRetrieval.from_pretrained(blip_folder, local_files_only=True, attn_implementation="eager")
    ids, mask = token_batch(["a red pan", "tennis balls for the green court"])
    pixels = torch.randn(2, 3, 32, 32)
    text = whole.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
    image = whole.vision_model(pixel_values=pixels).last_hidden_state[:, 0]
    assert torch.allclose(model.encode_text(ids, mask), torch.nn.functional.normalize(text, dim=1), atol=1e-5)
    assert torch.allclose(model.encode_image(pixels), torch.nn.functional.normalize(image, dim=1), atol=1e-5)


def test_the_lower_half_and_the_last_norm_of_blip_are_frozen(blip_folder: Path) -> None:
    model = build_cirp(replace(cirp_blip_base(), weights=str(blip_folder), trained_text_layers=1, trained_image_layers=1))
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not [name for name in learning if "embeddings" in name or "layers.0." in name or "post_layernorm" in name]
    assert [name for name in learning if name.startswith("image_tower.vision.encoder.layers.1.")]
    assert [name for name in learning if name.startswith("text_tower.layers.1.")]


@torch.no_grad()
def test_blips_frozen_layers_read_a_picture_once_for_both_encoders(blip_folder: Path) -> None:
    model = build_cirp(replace(cirp_blip_base(), weights=str(blip_folder), trained_text_layers=1, trained_image_layers=1, image_px=32, dim=8)).eval()
    slow, pixels = Momentum(model, 0.9).cirp, torch.randn(2, 3, 32, 32)
    assert isinstance(model.image_tower, BlipImageTower)
    for parameter in model.image_tower.upper_layers.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    read = model.image_tower.lower(pixels)
    assert read.shape == (2, 5, 16), "the class token and four patches, as far as no layer learns"
    assert torch.allclose(slow.encode_image_hidden(read), slow.encode_image(pixels), atol=1e-6)
    assert torch.allclose(model.encode_image_hidden(read), model.encode_image(pixels), atol=1e-6)
    assert not torch.allclose(slow.encode_image_hidden(read), model.encode_image_hidden(read), atol=1e-3)


def test_a_hub_id_without_a_pinned_revision_is_refused() -> None:
    with pytest.raises(ConfigError, match="not pinned"):
        build_cirp(replace(cirp_blip_base(), weights="Salesforce/blip-itm-base-coco", revision="main"))


def test_more_trained_layers_than_the_tower_has_are_refused() -> None:
    with pytest.raises(ConfigError, match="the tower has 6"):
        build_cirp(replace(cirp_small(), trained_text_layers=7))
