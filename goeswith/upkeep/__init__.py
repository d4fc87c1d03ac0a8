"""Upkeep of the tables without a JVM: small files made large, pairs clustered, versions that nobody reads removed (ADR 8)."""
