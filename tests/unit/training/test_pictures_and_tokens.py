"""Preprocessing of pictures and texts: what serving mirrors."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from goeswith.errors import DataContractError, ModelInvalid
from goeswith.pictures import store_picture
from training.cirp.towers import MINILM
from training.pictures import CLIP_MEAN, CLIP_STD, PictureShard, decode_picture, normalise_pixels
from training.text_tokens import load_tokenizer, pad_id, pad_tokens, text_key, tokenise


def picture(colour: tuple[int, ...], mode: str = "RGB", size: tuple[int, int] = (30, 20)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def test_a_picture_becomes_three_channels_first_of_the_size_asked() -> None:
    pixels = decode_picture(picture((255, 0, 10)), 16)
    assert pixels.shape == (3, 16, 16)
    assert pixels[:, 0, 0].tolist() == [255, 0, 10]


def test_pictures_with_alpha_or_palette_are_read_as_rgb() -> None:
    assert decode_picture(picture((1, 2, 3, 0), "RGBA"), 8).shape == (3, 8, 8)
    assert decode_picture(picture((5,), "L"), 8)[:, 0, 0].tolist() == [5, 5, 5]


def test_normalising_is_that_of_clip() -> None:
    white = normalise_pixels(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    assert white[0, :, 0, 0].tolist() == pytest.approx([(1 - m) / s for m, s in zip(CLIP_MEAN, CLIP_STD, strict=True)], abs=1e-5)


def test_the_shard_gives_each_item_its_own_picture_and_decodes_once(tmp_path: Path) -> None:
    red, blue = (store_picture(tmp_path / "store", picture(c)) for c in ((255, 0, 0), (0, 0, 255)))
    shard = PictureShard([blue, None, red, blue], tmp_path / "store", tmp_path / "cache", 8)
    assert shard.has.tolist() == [True, False, True, True]
    assert shard.take(np.array([2, 3]))[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255]]
    (tmp_path / "store" / red).unlink()
    assert len(PictureShard([red], tmp_path / "store", tmp_path / "cache", 8).pixels) == 2


def test_a_shop_without_pictures_has_an_empty_shard(tmp_path: Path) -> None:
    shard = PictureShard([None, None], tmp_path, tmp_path / "cache", 8)
    assert not shard.has.any()
    assert shard.take(np.array([], dtype=np.int64)).shape == (0, 3, 8, 8)


def test_a_picture_that_is_gone_from_the_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match="ab/x.jpg"):
        PictureShard(["ab/x.jpg"], tmp_path, tmp_path / "cache", 8)


@pytest.mark.parametrize("damaged", [b"", b"no picture", picture((1, 2, 3))[:-30]], ids=["empty", "noise", "cut short"])
def test_a_picture_that_was_damaged_in_the_store_is_named_with_the_remedy(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "x.jpg").write_bytes(damaged)
    with pytest.raises(DataContractError, match=r"ab/x\.jpg' in .* is damaged") as refused:
        PictureShard(["ab/x.jpg"], tmp_path, tmp_path / "cache", 8)
    assert "delete the file and run ingest again" in str(refused.value)
    assert " at 0x" not in str(refused.value)


def test_pictures_of_one_pixel_or_one_line_are_read(tmp_path: Path) -> None:
    for size in ((1, 1), (5_000, 1), (1, 5_000)):
        assert (decode_picture(picture((9, 9, 9), size=size), 8) == 9).all()


def test_tokens_are_lower_case_wordpieces_cut_at_the_length() -> None:
    tokenizer = load_tokenizer(MINILM, 8)
    upper, lower, long = tokenise(tokenizer, ["Red PAN", "red pan", "pan " * 50])
    assert upper.tolist() == lower.tolist()
    assert [tokenizer.id_to_token(i) for i in lower] == ["[CLS]", "red", "pan", "[SEP]"]
    assert len(long) == 8


def test_padding_is_masked() -> None:
    tokenizer = load_tokenizer(MINILM)
    ids, mask = pad_tokens(tokenise(tokenizer, ["", "red pan"]), pad_id(tokenizer))
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert ids[0, 2:].tolist() == [0, 0]
    assert pad_tokens([ids[1]], 0, 6)[0].shape == (1, 6)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_texts_that_differ_have_different_keys() -> None:
    assert text_key("a") == text_key("a") != text_key("b")
