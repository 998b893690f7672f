"""Settings of studies that take a moment. Sizes are multiples of 16, where stacking keeps every bit."""

from pyvae.studies.biased_grid.config import BiasedGridConfig

TINY = BiasedGridConfig("quick").overridden(
    [
        "mus=0,2.5", "betas=0.5,5", "seeds=0,1", "steps=23", "hidden=32,16", "latents=5", "blocks=2", "pixels=3",
        "batch_size=16", "curve_every=5", "validate_every=10", "validation_images=32", "information_images=64",
        "sample_images=3", "baseline_runs=2", "learning_rate=0.005",
    ]
)  # fmt: skip


def tiny(*overrides: str) -> BiasedGridConfig:
    return TINY.overridden(overrides)
