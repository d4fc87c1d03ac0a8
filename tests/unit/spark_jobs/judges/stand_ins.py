"""What stands in for a language model in tests of judges: a tiny random T5 checkpoint, and a local server of chat completions."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from goeswith.catalogue.graph import LABELS

Answer = tuple[int, str]
GOOD = '{"substitute": 0.7, "complement": 0.2, "neither": 0.1}'


def completion(content: str) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


@contextmanager
def serve(respond: Callable[[dict[str, Any]], Answer]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Run a server whose answer to each request's JSON is ``respond``; yield its address and the requests that came."""
    requests: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
            status, text = respond(body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", requests
    finally:
        server.shutdown()
        server.server_close()


WORDS = ["<pad>", "</s>", "<unk>", *LABELS, "red", "blue", "racket", "balls", "title", "brand", "category", "Product", "is", "A", "B", ".", ":"]


def write_tokenizer(folder: Path, words: list[str]) -> None:
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    fast: Any = PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def write_checkpoint(folder: Path) -> Path:
    write_tokenizer(folder, WORDS)
    write_model(folder)
    return folder


def write_model(folder: Path, seed: int = 1) -> None:
    torch.manual_seed(seed)
    size = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "vocab_size": len(WORDS)}
    config = T5Config.from_dict({**size, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1})
    T5ForConditionalGeneration(config).save_pretrained(folder)
