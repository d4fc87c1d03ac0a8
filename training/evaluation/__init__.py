"""Protocols, baselines, metrics and intervals (models.md section 3)."""
