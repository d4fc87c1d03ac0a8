"""Benches: our jobs beside the engines that others would take, on the same data, in the same run. ``goeswith bench`` runs them."""
