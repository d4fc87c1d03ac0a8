"""Erasure of a user: every row, every count and every file that the user left, without a trace of who it was (ADR 9)."""
