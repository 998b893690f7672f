"""Settings of a study that takes a moment. Sizes are multiples of 16, where stacking keeps every bit."""

from pyvae.studies.vae.config import PRESETS, VAEConfig

TINY = PRESETS["quick"].replaced(
    strengths=(1.0, 4.0), seeds=(0, 1), sizes=(3, 2, 2, 4, 4), side=8, hidden=(16,), latents=3, steps=40,
    batch_size=32, curve_every=10, validate_every=20, validation_images=32, points=150, learning_rate=0.005,
    metrics="mig,linear_r2",
)  # fmt: skip


def tiny(*overrides: str) -> VAEConfig:
    return TINY.overridden(overrides)
