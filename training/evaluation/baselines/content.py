"""Similarity of what the items say of themselves: words, brand and category."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from training.dataset import Items
from training.evaluation.similarity import SparseDot
from training.words import title_words


def indicators(values: Sequence[Sequence[str]]) -> sp.csr_matrix:
    """Return (N, V): 1 where an item has a value, each row of length 1."""
    names = {name: column for column, name in enumerate(sorted({v for row in values for v in row}))}
    rows = np.repeat(np.arange(len(values)), [len(set(row)) for row in values])
    columns = np.array([names[v] for row in values for v in sorted(set(row))], dtype=np.int64)
    matrix = sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), (len(values), max(1, len(names))))
    return unit_rows(matrix)


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return the rows at length 1; empty ones stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (sp.diags(1 / np.maximum(lengths, 1e-12)) @ matrix).tocsr().astype(np.float32)


def categories(items: Items) -> sp.csr_matrix:
    """Return indicators of every level of the category path."""
    return indicators(items.categories)


def brands(items: Items) -> sp.csr_matrix:
    """Return indicators of the brand."""
    return indicators([[brand] if brand else [] for brand in items.brands])


def content(items: Items) -> SparseDot:
    """Return the cosine of brand and category and, where there are titles, half of it from the words of the title."""
    labels = indicators(
        [[f"c:{c}" for c in path] + ([f"b:{brand}"] if brand else []) for path, brand in zip(items.categories, items.brands, strict=True)]
    )
    words = title_words(items)
    both = labels if words is None else sp.hstack([labels, words]).tocsr() * np.float32(np.sqrt(0.5))
    return SparseDot.of(both)
