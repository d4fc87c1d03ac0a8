"""What our models are measured against. A baseline reads the training set and nothing else, exactly as the models do."""
