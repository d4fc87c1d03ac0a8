"""Bundle completion learned from curated bundles and baskets."""
