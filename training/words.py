"""Items by their words."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from training.dataset import Items


def tfidf(texts: Sequence[str]) -> sp.csr_matrix | None:
    """Return L2-normalised TF-IDF (N, F) of words and word pairs; None where no item has a word."""
    if not any(text.strip() for text in texts):
        return None
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    return vectorizer.fit_transform(texts).tocsr()


def title_words(items: Items) -> sp.csr_matrix | None:
    """Return TF-IDF of the titles alone; None where the source has none."""
    return tfidf([title or "" for title in items.titles])


def all_words(items: Items) -> sp.csr_matrix | None:
    """Return TF-IDF of the whole texts, attributes included; None where no item has a word."""
    attributes = items.attributes or ({},) * len(items)
    return tfidf([" ".join([text, *of.values()]) for text, of in zip(items.texts(), attributes, strict=True)])
