"""A copy of all that a deployment cannot make again, and the way back from it (docs/operations.md, ADR 33)."""
