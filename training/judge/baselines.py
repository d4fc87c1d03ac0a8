"""What is to be beaten: the commonest label, and how alike two titles are."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from goeswith.pair_judge.ngrams import normalise
from training.dataset import Ints
from training.evaluation.metrics import Values
from training.judge.lessons import Lessons


def majority_labels(train: Lessons, test: Lessons) -> Ints:
    """Return training's commonest label for every test pair."""
    return np.full(len(test), np.bincount(train.labels).argmax(), dtype=np.int64)


def tfidf_labels(train: Lessons, test: Lessons) -> Ints:
    """Return labels by the cosine of the titles' TF-IDF (n-grams of 2 to 4 characters) and its square, by a logistic regression on training."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True)
    vectorizer.fit([normalise(train.items[item].title) or "-" for item in sorted({*train.src, *train.dst})])
    model = LogisticRegression(C=100.0).fit(_cosines(vectorizer, train), train.labels)
    said: Ints = model.predict(_cosines(vectorizer, test)).astype(np.int64)
    return said


def _cosines(vectorizer: TfidfVectorizer, lessons: Lessons) -> Values:
    """Return (P, 2): the cosine and its square."""
    left, right = (vectorizer.transform([normalise(lessons.items[item].title) for item in ends]) for ends in (lessons.src, lessons.dst))
    cosine = np.asarray(left.multiply(right).sum(axis=1)).ravel()
    return np.stack([cosine, cosine**2], axis=1)
