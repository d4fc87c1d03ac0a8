"""BLIP-base in its size and with random weights: what it computes does not depend on what it has learned."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BlipConfig, BlipForImageTextRetrieval

from training.cirp.towers import MINILM

TOKENIZER = "tokenizer.json"


def blip_base() -> BlipConfig:
    """Return the published model's sizes (Salesforce/blip-itm-base-coco); ``transformers``' defaults but for the heads."""
    return BlipConfig(text_config={"num_attention_heads": 12, "vocab_size": 30_524})


def make_blip(folder: Path, config: BlipConfig) -> Path:
    """Write a checkpoint below ``folder``, once, and return it; texts are tokenised by MiniLM's tokenizer, which is BERT's as well."""
    if not (folder / TOKENIZER).is_file():
        torch.manual_seed(0)
        BlipForImageTextRetrieval(config).save_pretrained(folder)
        Tokenizer.from_file(str(MINILM / TOKENIZER)).save(str(folder / TOKENIZER))
    return folder
