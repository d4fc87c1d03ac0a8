"""Character n-grams of a title as 64-bit hashes: for any script, without a tokenizer, by a few numpy operations a title."""

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

MAX_CHARS = 200
REMEMBERED = 50_000
"""Titles whose n-grams a process holds: an item stands in many pairs, one after the other."""
_BASE = np.uint64(0x100000001B3)
_NONE = np.zeros(0, dtype=np.uint64)


def normalise(text: str | None) -> str:
    """Return a text in one width and case, each run of spaces as one, digits as 0: a pack of 20 is no other word than a pack of 30."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return " ".join("".join("0" if c.isdigit() else c for c in folded).split())[:MAX_CHARS]


@lru_cache(maxsize=REMEMBERED)
def hash_ngrams(text: str, low: int, high: int) -> Hashes:
    """Return the distinct hashes, ascending, of all n-grams of ``low`` to ``high`` characters of a normalised text; a space stands at either end."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype="<u4").astype(np.uint64) if text else _NONE
    found = [mix(_windows(codes, size) + np.uint64(size)) for size in range(low, high + 1) if size <= len(codes)]
    return np.unique(np.concatenate(found)) if found else _NONE


def _windows(codes: Hashes, size: int) -> Hashes:
    """Return a polynomial hash of each window of ``size`` code points, modulo 2^64."""
    count = len(codes) - size + 1
    sums = np.zeros(count, dtype=np.uint64)
    for offset in range(size):
        sums = sums * _BASE + codes[offset : offset + count]
    return sums


def mix(values: Hashes) -> Hashes:
    """Return each value with its bits spread (the finaliser of splitmix64), so that the low bits can be a bucket."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_words(*words: str) -> Hashes:
    """Return one hash of a few words in their order."""
    codes = np.frombuffer("\x00".join(words).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    return mix(_windows(codes, len(codes))) if len(codes) else mix(np.zeros(1, dtype=np.uint64))
