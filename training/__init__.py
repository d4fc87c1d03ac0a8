"""Models, losses, one trainer, recipes, datasets, evaluation and export. Reads the lake at pinned versions; no JVM."""
