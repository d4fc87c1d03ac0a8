"""MMSC: multi-modal substitutes and complements (arXiv 2507.22268)."""
