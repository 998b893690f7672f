"""Recipes that take a moment, of two data sets, two objectives and two kinds of model."""

import dataclasses

from torch import nn

from pyvae.data import Sprites
from pyvae.losses import BernoulliReconstruction, BetaTCVAE, FactorVAE, LearnedGaussianReconstruction, Objective
from pyvae.nn import StackedConvVAE, StackedVAE
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.training import Recipe, TrainingSettings, product
from tests.studies.biased_grid.tiny import tiny


def grid_recipe(*overrides: str) -> Recipe:
    """beta-VAEs on the biased grid, eight models; `overrides` as on the command line."""
    return recipe(tiny(*overrides))


def sprite_recipe(**settings: object) -> Recipe:
    """beta-TCVAEs on sprites, four models, Bernoulli likelihood."""
    data = Sprites(sizes=(3, 2, 4, 4, 4), side=16)
    training = {"steps": 12, "batch_size": 16, "curve_every": 4, "validate_every": 6, "validation_images": 32}
    return Recipe(
        cells=product((0.0,), (1.0, 6.0), (0, 1)),
        settings=TrainingSettings(**{**training, **settings}),
        data=data,
        bias=lambda cells: None,
        model=lambda models, seeds: StackedVAE(models, data.size, (32,), 4, seeds=seeds),
        likelihood=BernoulliReconstruction(),
        objective=BetaTCVAE,
        objective_settings={"dataset_size": data.count},
        axes=("bias", "beta"),
    )


def companion_recipe(
    likelihood: nn.Module | None = None, objective: type[Objective] = FactorVAE, **settings: object
) -> Recipe:
    """FactorVAEs on sprites, with a variance that is learned unless another likelihood is given."""
    own: dict[str, object] = {"discriminator": (16,)} if objective is FactorVAE else {}
    return dataclasses.replace(
        sprite_recipe(**{"steps": 22, "batch_size": 32, **settings}),
        likelihood=likelihood or LearnedGaussianReconstruction(),
        objective=objective,
        objective_settings=own,
        axes=("bias", "gamma"),
    )


def conv_recipe(**settings: object) -> Recipe:
    """The same with convolutions."""
    recipe = sprite_recipe(**settings)
    shape = recipe.data.shape
    return dataclasses.replace(
        recipe, model=lambda models, seeds: StackedConvVAE(models, shape, 4, (8, 16), 32, seeds=seeds)
    )
