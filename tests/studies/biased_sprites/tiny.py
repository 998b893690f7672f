"""Settings of the study that take a moment. Sizes are multiples of 16, where stacking keeps every bit."""

from pyvae.studies.biased_sprites.config import PRESETS, BiasedSpritesConfig

TINY = PRESETS["quick"].replaced(
    skews=(2.0,), correlations=(2.0,), removals=(0.5,), strengths=(1.0, 4.0), seeds=(0,), sizes=(2, 2, 2, 4, 4),
    side=8, steps=12, warmup_steps=6, batch_size=16, hidden=(16,), latents=3, curve_every=6, validate_every=12,
    validation_images=16, samples=64, sample_images=3,
)  # fmt: skip


def tiny(*overrides: str) -> BiasedSpritesConfig:
    return TINY.overridden(overrides)
