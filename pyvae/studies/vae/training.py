"""Whether training can have been too short, by the curves of the models themselves."""

import numpy as np
import pyarrow as pa

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import counted
from pyvae.report.statistics import Array
from pyvae.studies.vae.config import VAEConfig

QUARTER = 4
"""Points that a curve has at least of which anything can be told."""
SETTLED = 0.01
"""A curve has settled of whose whole fall no more comes from the third quarter of its points to the last: of sprites it
is 2 to 3 % where training takes 1 000 steps, 0.4 % where it takes 5 000."""
LONGER = 4
"""Times as many steps are worth trying."""


def too_short(config: VAEConfig, curves: pa.Table) -> str:
    """That models were still learning when training ended, or may have been, as a sentence; empty where their curves
    had settled.
    """
    steps, seeds = counted(config.training.steps, "step"), counted(len(config.axes.seeds), "seed")
    held = _curves_of(config, curves)
    fewest = min((len(curve) for of_seeds in held.values() for curve in of_seeds), default=QUARTER)
    if fewest < QUARTER:
        points = counted(fewest, "point")
        return f"Training was short: {points} of a curve, of {steps}, cannot tell whether it had settled."
    late = {strength: float(np.mean([_late_share(curve) for curve in of_seeds])) for strength, of_seeds in held.items()}
    most = max(late, key=lambda strength: late[strength], default=None)
    if most is None or late[most] <= SETTLED:
        return ""
    return (
        f"Training was short: after {steps} curves had not settled, at {config.symbol} = {most:g} their last quarter "
        f"brought {decimals(100 * late[most], 0)}% of the whole fall ({seeds}), and more steps may answer otherwise."
    )


def _curves_of(config: VAEConfig, curves: pa.Table) -> dict[float, list[Array]]:
    """Of each strength its models' training curves, by steps: of the objective, or of the reconstruction where losses
    of different steps cannot be compared. A point of a model that has diverged is left out.
    """
    column = "loss" if config.objective.kind.comparable else "reconstruction"
    names = (config.strength, "seed", "step", "split", column)
    points: dict[tuple[float, int], list[tuple[int, float]]] = {}
    for strength, seed, step, split, value in zip(*(curves[name].to_pylist() for name in names), strict=True):
        if split == "train" and value is not None:
            points.setdefault((strength, seed), []).append((step, value))
    found: dict[float, list[Array]] = {}
    for (strength, _), held in sorted(points.items()):
        found.setdefault(strength, []).append(np.array([value for _, value in sorted(held)]))
    return found


def _late_share(curve: Array) -> float:
    """How much of its whole fall a curve has from the third quarter of its points to the last."""
    count = len(curve) // QUARTER
    late, before = curve[-count:].mean(), curve[-2 * count : -count].mean()
    whole = curve.max() - late
    return float((before - late) / whole) if whole > 0 else 0.0
