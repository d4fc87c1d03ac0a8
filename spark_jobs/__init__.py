"""Spark jobs: sources to items, events and bundles; counted pairs; verdicts; relations; gates."""
