"""How models are trained, whatever they are."""

from dataclasses import dataclass

from pyvae.losses import Objective
from pyvae.settings import Part, setting


@dataclass(frozen=True)
class TrainingSettings(Part):
    """Settings of the engine."""

    steps: int = setting(10_000, "Optimiser steps; with patience the most a model may take.", at_least=1)
    batch_size: int = setting(64, "Images per step.", at_least=1)
    learning_rate: float = setting(1e-3, "Of Adam, with torch's default moments.", above=0)
    patience: int | None = setting(
        None,
        "Validations without a better objective before a model stops and keeps its best parameters; none: fixed steps.",
        at_least=1,
    )
    validate_every: int = setting(500, "Steps between validations.", at_least=1)
    validation_images: int = setting(
        1024, "Held-out images of a validation; of models that weigh theirs, unbiased ones.", at_least=1
    )
    curve_every: int = setting(50, "Training curves hold one point per so many steps, the mean over them.", at_least=1)
    checkpoint_seconds: float = setting(120.0, "Seconds of training between checkpoints.", above=0)


def check_patience(settings: TrainingSettings, objective: type[Objective]) -> None:
    """Raises ValueError for early stopping by losses that cannot be compared."""
    if settings.patience is not None and not objective.comparable:
        raise ValueError(
            f"patience must be none for {objective.name()}, of whose loss a part learns: losses of different steps "
            f"cannot be compared, got {settings.patience}"
        )
