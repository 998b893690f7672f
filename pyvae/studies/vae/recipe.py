"""What the vae study hands to the engine."""

import torch
from torch import Tensor

from pyvae.data import DataSet
from pyvae.nn import StackedVAE
from pyvae.studies.errors import StudyError
from pyvae.studies.study import ALONE
from pyvae.studies.vae.config import VAEConfig
from pyvae.training import Recipe

LOOKED_AT = 16
"""Images that are drawn to see whether training gives some that a Bernoulli likelihood cannot have."""


def recipes(config: VAEConfig) -> dict[str, Recipe]:
    """The only one. StudyError for scores that need factors which the data have not, and for a Bernoulli likelihood of
    images that go beyond [0, 1].
    """
    data = config.data.open()
    config.evaluation.scores_of(data)
    if config.likelihood.likelihood == "bernoulli":
        _check_range(config.data.data, data)
    return {ALONE: _recipe(config, data)}


def _recipe(config: VAEConfig, data: DataSet) -> Recipe:
    def model(models: int, seeds: Tensor | None) -> StackedVAE:
        return StackedVAE(models, data.size, config.model.hidden, config.model.latents, seeds=seeds)

    return Recipe(
        cells=config.cells(),
        settings=config.training,
        data=data,
        bias=lambda cells: None,
        model=model,
        likelihood=config.likelihood.module,
        objective=config.objective.kind,
        objective_settings=config.settings_for(data.count),
        axes=("bias", config.strength),
    )


def _check_range(name: str, data: DataSet) -> None:
    images = data.draw(LOOKED_AT, {stream: torch.zeros(1, dtype=torch.int64) for stream in data.streams}).images
    if bool((images < 0).any() or (images > 1).any()):
        raise StudyError(f"likelihood must be gaussian for {name}, whose images go beyond 0 to 1, got bernoulli")
