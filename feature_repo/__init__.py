"""Feast: entities, sources over Delta, views and one feature service a model, derived from the catalogue."""
