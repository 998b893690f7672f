"""Trains all models of a study at once: the loop, its chunks of stacked models, stopping, checkpoints."""
