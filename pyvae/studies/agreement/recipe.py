"""What the agreement study hands to the engine: a group of models for each objective."""

from collections.abc import Sequence

from torch import Tensor

from pyvae.data import DataSet
from pyvae.losses import BernoulliReconstruction
from pyvae.nn import StackedVAE
from pyvae.studies.agreement.config import SWEEPS, AgreementConfig, Sweep
from pyvae.studies.errors import StudyError
from pyvae.training import Cell, Recipe

AXES = ("bias", "strength")
"""The same for all groups; no model of this study has a bias."""


def recipes(config: AgreementConfig) -> dict[str, Recipe]:
    """One for each objective, by the groups' names. StudyError for data without factors, of which no score speaks."""
    data = config.data.open()
    if not data.factors:
        raise StudyError(f"data must have factors, which scores are about, got {config.data.data} without any")
    return {sweep.group: _recipe(config, sweep, data) for sweep in SWEEPS}


def _recipe(config: AgreementConfig, sweep: Sweep, data: DataSet) -> Recipe:
    def model(models: int, seeds: Tensor | None) -> StackedVAE:
        return StackedVAE(models, data.size, config.model.hidden, config.model.latents, seeds=seeds)

    return Recipe(
        cells=config.cells(sweep),
        settings=config.training,
        data=data,
        bias=_unbiased,
        model=model,
        likelihood=BernoulliReconstruction(),
        objective=sweep.kind,
        objective_settings=config.options_of(sweep, data.count),
        axes=AXES,
    )


def _unbiased(cells: Sequence[Cell]) -> None:
    """All models learn from the unbiased distribution."""
