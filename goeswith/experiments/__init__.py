"""Experiments on answers: started and stopped by name, and read out from what became of the answers."""
