"""What the biased-grid study hands to the engine."""

import functools
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pyvae.data import Bias, Shift
from pyvae.losses import GaussianReconstruction
from pyvae.nn import StackedVAE
from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.config import dataset_size
from pyvae.training import Cell, Recipe


def recipe(config: BiasedGridConfig) -> Recipe:
    """One VAE for every cell, on images of its own bias."""

    def model(models: int, seeds: Tensor | None) -> StackedVAE:
        return StackedVAE(models, config.grid.size, config.model.hidden, config.model.latents, seeds=seeds)

    return Recipe(
        cells=config.cells(),
        settings=config.training,
        data=config.grid,
        bias=biases,
        model=model,
        likelihood=GaussianReconstruction(config.data.noise_variance),
        objective=config.objective.kind,
        objective_settings=_objective_settings(config),
        axes=("mu", config.strength),
    )


def biases(cells: Sequence[Cell]) -> tuple[Bias, ...]:
    """The cells' mus as biases: block logits from N(mu, 1)."""
    return tuple(_shift(cell.bias) for cell in cells)


@functools.cache
def _shift(mu: float) -> Bias:
    """One object for each mu, so that what is prepared for it is found at once in the next step."""
    return Bias(Shift("*", mu), name=f"mu {mu:g}")


def _objective_settings(config: BiasedGridConfig) -> dict[str, Any]:
    """As configured; where an objective asks for the size of the data set, that of one whose images never end."""
    settings = config.objective.values()
    del settings["objective"]
    if "dataset_size" in settings and settings["dataset_size"] is None and settings.get("estimator") != "full":
        settings["dataset_size"] = dataset_size(config.grid.count, config.training)
    return settings
