"""The learned judge's training: labels in, a model that ``goeswith.pair_judge`` runs out."""
