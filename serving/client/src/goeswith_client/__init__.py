"""Thin client of goeswith: substitutes, complements and bundles with their evidence, from Feast and Triton."""
