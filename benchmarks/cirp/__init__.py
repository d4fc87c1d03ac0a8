"""Training CIRP: items a second of our trainer beside a plain ``transformers`` loop over the same model, objective and batches."""
