"""What the biased-sprites study hands to the engine: groups of models by objective, bias, and whether they weigh."""

from collections.abc import Sequence

from torch import Tensor

from pyvae.data import Bias, DataSet, stacked_log_weights
from pyvae.losses import BernoulliReconstruction
from pyvae.nn import StackedVAE
from pyvae.studies.biased_sprites.biases import bias_of
from pyvae.studies.biased_sprites.config import BiasedSpritesConfig, Group
from pyvae.training import Cell, Recipe

AXES = ("bias", "beta")


def recipes(config: BiasedSpritesConfig) -> dict[str, Recipe]:
    """One for each group. Models of equal bias, β and seed have the same initialisation and images, weighted or not.

    Raises StudyError as `bias_of`.
    """
    data = config.data.open()
    return {group.name: _recipe(config, group, data) for group in config.groups}


def _recipe(config: BiasedSpritesConfig, group: Group, data: DataSet) -> Recipe:
    # One object for each strength, so that what is prepared for it is found at once in the next step.
    of_strength = {0.0: Bias.none}
    if group.kind is not None:
        of_strength = {s: bias_of(config, group.kind, s, data) for s in config.biases_of(group.kind)}

    def biases(cells: Sequence[Cell]) -> tuple[Bias, ...]:
        return tuple(of_strength[cell.bias] for cell in cells)

    def log_weights(cells: Sequence[Cell], factors: Tensor) -> Tensor:
        return stacked_log_weights(factors, data, biases(cells))

    def model(models: int, seeds: Tensor | None) -> StackedVAE:
        return StackedVAE(models, data.size, config.model.hidden, config.model.latents, seeds=seeds)

    objective, options = config.objective_of(group, data.count)
    return Recipe(
        cells=config.cells(group),
        settings=config.training,
        data=data,
        bias=biases,
        model=model,
        likelihood=BernoulliReconstruction(),
        objective=objective,
        objective_settings=options,
        axes=AXES,
        log_weights=log_weights if group.weighted else None,
    )
