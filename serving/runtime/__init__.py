"""Start and stop the local Triton."""
