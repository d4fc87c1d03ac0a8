"""The learned judge of pairs: what ``training`` fits and ``spark_jobs`` runs. No folder knows both, so features and weights are read here."""
