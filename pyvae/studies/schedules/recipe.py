"""What the schedules study hands to the engine: a group of models for each of the source's schedules."""

import dataclasses
import math

from torch import Tensor

from pyvae.losses import GaussianReconstruction
from pyvae.nn import StackedConvVAE, StackedModel, StackedVAE
from pyvae.studies.schedules.config import SchedulesConfig
from pyvae.studies.schedules.objective import FollowedBetaVAE
from pyvae.studies.schedules.runs import RUNS, Run
from pyvae.training import Recipe

VARIANCE = 0.5
"""Of the Gaussian likelihood whose negative logarithm is the summed squared error, the source's, and a constant."""


def recipes(config: SchedulesConfig) -> dict[str, Recipe]:
    """A recipe for every run of the source, by its name."""
    return {name: _recipe(config, run) for name, run in RUNS.items()}


def _recipe(config: SchedulesConfig, run: Run) -> Recipe:
    data = config.data.open()
    return Recipe(
        cells=config.cells(run),
        settings=dataclasses.replace(config.training, steps=run.steps(config.training.steps)),
        data=data,
        bias=lambda cells: None,
        model=lambda models, seeds: _model(config, data.shape, models, seeds),
        likelihood=GaussianReconstruction(VARIANCE),
        objective=FollowedBetaVAE,
        objective_settings={"kl": "closed_form", "schedule": run.schedule},
        axes=("bias", "beta"),
    )


def _model(config: SchedulesConfig, shape: tuple[int, ...], models: int, seeds: Tensor | None) -> StackedModel:
    network = config.model
    if network.network == "mlp":
        return StackedVAE(models, math.prod(shape), network.hidden, network.latents, seeds=seeds)
    return StackedConvVAE(models, shape, network.latents, network.channels, network.hidden, seeds=seeds)
