"""A sweep of a few models that train for a few steps."""

from typing import Any

from pyvae.sweeps.planning.plan import Best, SweepConfig

SETTINGS: dict[str, Any] = {
    "steps": 32, "curve_every": 16, "validate_every": 16, "hidden": [16], "latents": 16, "side": 16,
    "sizes": [2, 2, 2, 4, 4], "batch_size": 16, "validation_images": 16, "points": 64, "metrics": None,
}  # fmt: skip
AXES: dict[str, Any] = {"strengths": [1.0, 4.0], "learning_rate": [1e-3, 1e-2], "seeds": [0, 1]}


def tiny(axes: Any = None, best: Best | None = None, **settings: Any) -> SweepConfig:
    """8 cells of sprites, in two groups of a shape, unless other axes are asked for. Each model is measured alone: its
    bits do not depend on its company on any processor.
    """
    return SweepConfig("vae", "quick", {**SETTINGS, **settings}, AXES if axes is None else axes, best)
