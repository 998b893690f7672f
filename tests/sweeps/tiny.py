"""A sweep of a few models that train for a few steps."""

from typing import Any

from pyvae.sweeps.planning.plan import Best, SweepConfig

SETTINGS: dict[str, Any] = {
    "mus": [0.0], "steps": 32, "curve_every": 16, "validate_every": 16, "hidden": [16], "latents": 16, "blocks": 2,
    "pixels": 2, "batch_size": 16, "validation_images": 16, "information_images": 32, "sample_images": 2,
    "baseline_runs": 1, "warmup_steps": 0,
}  # fmt: skip
AXES: dict[str, Any] = {"strengths": [1.0, 4.0], "learning_rate": [1e-3, 1e-2], "seeds": [0, 1]}


def tiny(axes: Any = None, best: Best | None = None, **settings: Any) -> SweepConfig:
    """8 cells of the biased grid, in two groups of a shape, unless other axes are asked for."""
    return SweepConfig("biased-grid", "quick", {**SETTINGS, **settings}, AXES if axes is None else axes, best)
