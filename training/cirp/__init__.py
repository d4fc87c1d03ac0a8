"""CIRP: cross-item relational pre-training (arXiv 2404.01735)."""
