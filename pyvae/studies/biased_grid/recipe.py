"""What the biased-grid study hands to the engine."""

import functools
from collections.abc import Sequence

from torch import Tensor

from pyvae.data import Bias, Shift
from pyvae.losses import GaussianReconstruction
from pyvae.nn import StackedVAE
from pyvae.studies.biased_grid.config import BiasedGridConfig
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
        objective_settings=config.settings_for(config.grid.count),
        axes=("mu", config.strength),
    )


def biases(cells: Sequence[Cell]) -> tuple[Bias, ...]:
    """The cells' mus as biases: block logits from N(mu, 1)."""
    return tuple(_shift(cell.bias) for cell in cells)


@functools.cache
def _shift(mu: float) -> Bias:
    """One object for each mu, so that what is prepared for it is found at once in the next step."""
    return Bias(Shift("*", mu), name=f"mu {mu:g}")
