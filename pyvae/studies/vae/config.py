"""The vae study's settings, and its presets."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pyvae.data import DataSet
from pyvae.losses import BernoulliReconstruction, GaussianReconstruction
from pyvae.metrics import Metric
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.settings import Part, setting
from pyvae.studies.config import DataSettings, ModelSettings, ObjectiveSettings
from pyvae.studies.errors import StudyError
from pyvae.studies.one_objective import STRENGTHS, OneObjective
from pyvae.training import Cell, TrainingSettings, product

FEW = "few"
OF_FEW = ("mig", "dci", "linear_r2")
"""A gap of information, a probe's importances, and what a linear map finds of the whole code: a second a model."""


@dataclass(frozen=True)
class Axes(Part):
    """One model is trained for every combination."""

    strengths: tuple[float, ...] = setting((1.0, 2.0, 4.0, 8.0), STRENGTHS, at_least=0, unique=True)
    seeds: tuple[int, ...] = setting(
        (0, 1, 2), "Repetitions; each has its own initialisation, data and noise.", at_least=0, unique=True
    )


@dataclass(frozen=True)
class LikelihoodSettings(Part):
    """What the decoder says of an image."""

    likelihood: Literal["bernoulli", "gaussian"] = setting(
        "bernoulli", "Of each number of an image: bernoulli where it lies in [0, 1], or gaussian."
    )
    noise_variance: float = setting(0.25, "Of gaussian; bernoulli has none.", above=0)

    @property
    def module(self) -> BernoulliReconstruction | GaussianReconstruction:
        """As training takes it, without its constant."""
        if self.likelihood == "bernoulli":
            return BernoulliReconstruction()
        return GaussianReconstruction(self.noise_variance)

    @property
    def link(self) -> Callable[[Tensor], Tensor] | None:
        """What makes an image of what the decoder gives, where that is none."""
        return torch.sigmoid if self.likelihood == "bernoulli" else None

    def constant(self, size: int) -> float:
        """What that leaves out of the negative log likelihood of an image of so many numbers, in nats."""
        return 0.0 if self.likelihood == "bernoulli" else size / 2 * math.log(2 * math.pi * self.noise_variance)


@dataclass(frozen=True)
class EvaluationSettings(Part):
    """What is measured on trained models."""

    metrics: str | None = setting(
        FEW,
        f"Scores of pyvae.metrics, names separated by commas; {FEW}: {', '.join(OF_FEW)} where data have factors.",
    )
    points: int = setting(2_000, "Images of the test set at most, the same for all models.", at_least=32)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metrics not in (None, FEW):
            chosen_metrics(self._names)  # which refuses what there is not

    def scores_of(self, data: DataSet) -> list[Metric]:
        """The scores that are asked for; StudyError where one needs factors that the data have not."""
        if self.metrics is None or (self.metrics == FEW and not data.factors):
            return []
        found = chosen_metrics(OF_FEW if self.metrics == FEW else self._names)
        needy = [metric.name for metric in found if metric.needs_factors]
        if needy and not data.factors:
            raise StudyError(
                f"metrics must be scores without factors, which these data have not, got {', '.join(needy)}"
            )
        return found

    @property
    def _names(self) -> list[str]:
        return [name.strip() for name in (self.metrics or "").split(",")]


@dataclass(frozen=True)
class VAEConfig(OneObjective):
    """All settings of one vae study. One model is trained for every strength and seed."""

    STUDY: ClassVar[str] = "vae"

    axes: Axes = field(default_factory=Axes)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    likelihood: LikelihoodSettings = field(default_factory=LikelihoodSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=lambda: ModelSettings(latents=10))
    data: DataSettings = field(default_factory=DataSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def _strengths_of_preset(self) -> tuple[float, ...]:
        return PRESETS.get(self.preset, PRESETS["quick"]).axes.strengths

    def cells(self) -> tuple[Cell, ...]:
        """Every (strength, seed), without a bias; seeds vary slowest."""
        return product((0.0,), self.axes.strengths, self.axes.seeds)


PRESETS: dict[str, VAEConfig] = {
    # Answers in minutes: small sprites, four strengths of three seeds.
    "quick": VAEConfig("quick").replaced(side=16, hidden=(128, 128), steps=5_000),
    # Larger images, longer training, a wider range of strengths and five seeds, for narrower intervals.
    "laptop": VAEConfig("laptop").replaced(
        strengths=(0.5, 1.0, 2.0, 4.0, 8.0, 16.0), seeds=(0, 1, 2, 3, 4), steps=20_000, points=6_000
    ),
}
