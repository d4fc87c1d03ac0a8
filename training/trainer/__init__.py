"""One trainer for all models: its loop, checkpoints, loading thread, gradient caching, several processes, and where its curves go."""
