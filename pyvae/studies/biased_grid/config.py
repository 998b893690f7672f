"""The biased-grid study's settings, and four presets."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pyvae.data import BlockGrid
from pyvae.losses import OBJECTIVES
from pyvae.settings import Config, Part, Spec, setting
from pyvae.studies.config import ModelSettings, ObjectiveSettings
from pyvae.training import Cell, TrainingSettings, product
from pyvae.training.settings import check_patience

LARGEST_MU = 20.0  # sigmoid(20) differs from 1 by 2e-9: beyond, float32 images of all latents are the same


@dataclass(frozen=True)
class Axes(Part):
    """One model is trained for every combination."""

    mus: tuple[float, ...] = setting(
        tuple(k / 2 for k in range(11)),
        "Training biases: block logits are drawn from N(mu, 1).",
        at_least=-LARGEST_MU,
        at_most=LARGEST_MU,
        unique=True,
    )
    strengths: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0, 5.0, 10.0),
        "Strengths of the objective: "
        + ", ".join(f"{kind.strength} of {name}" for name, kind in OBJECTIVES.items())
        + ".",
        at_least=0,
        unique=True,
    )
    seeds: tuple[int, ...] = setting(
        (0,),
        "Repetitions; each has its own initialisation, data and noise.",
        at_least=0,
        unique=True,
    )


@dataclass(frozen=True)
class GridSettings(Part):
    """The data set."""

    # The test grid is enumerated: 3**(blocks**2) images, 43 million for four blocks.
    blocks: int = setting(3, "Blocks along one side of the image: blocks**2 generating factors.", at_least=1, at_most=3)
    pixels: int = setting(7, "Pixels along one side of a block.", at_least=1)
    noise_variance: float = setting(
        0.25, "Of the pixel noise of training images, and of the model's Gaussian likelihood.", above=0
    )


@dataclass(frozen=True)
class EvaluationSettings(Part):
    """What is measured on trained models."""

    information_images: int = setting(
        4096, "Held-out images of the training distribution on which information is measured.", at_least=32
    )
    projection_epochs: int = setting(3, "Epochs of the source's SGD projection.", at_least=1)
    projection_learning_rate: float = setting(1e-2, "Learning rate of the SGD projection.", above=0)
    projection_batch_size: int = setting(64, "Of the SGD projection.", at_least=1)
    baseline_runs: int = setting(3, "Untrained models behind the random-initialisation baseline.", at_least=1)
    sample_images: int = setting(21, "Images per row in the sample pictures.", at_least=1)


@dataclass(frozen=True)
class BiasedGridConfig(Config):
    """All settings of one biased-grid study. One model is trained for every (mu, strength, seed)."""

    STUDY: ClassVar[str] = "biased-grid"
    ALIASES: ClassVar[Mapping[str, str]] = {"betas": "strengths", "beta_warmup_steps": "warmup_steps"}
    CHOICES: ClassVar[frozenset[str]] = frozenset({"objective"})

    axes: Axes = field(default_factory=Axes)
    objective: ObjectiveSettings = field(default_factory=lambda: ObjectiveSettings("beta-vae", {"kl": "sampled"}))
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    data: GridSettings = field(default_factory=GridSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        size, training = self.objective.options.get("dataset_size"), self.training
        check_patience(training, self.objective.kind)
        rows = self.objective.kind.least_rows
        for name, count in (("batch_size", training.batch_size), ("validation_images", training.validation_images)):
            if count < rows:
                raise ValueError(f"{name} must be at least {rows} for {self.objective.objective}, got {count}")
        least = max(training.batch_size, training.validation_images)
        if size is not None and size < least:
            raise ValueError(f"dataset_size must be at least batch_size and validation_images, {least}, got {size}")

    def _with(self, given: Mapping[str, Any], read: Callable[[Spec, Any], Any]) -> Self:
        """Another objective brings strengths of its own, where none are given: a preset's are made for a beta."""
        changed = super()._with(given, read)
        named = any(self.ALIASES.get(name, name) == "strengths" for name in given)
        kind, before = changed.objective.kind, self.objective.kind
        if kind is before or named:
            return changed
        if kind.tried:
            strengths = kind.tried
        elif self.axes.strengths == before.tried:
            strengths = PRESETS.get(self.preset, PRESETS["quick"]).axes.strengths
        else:
            return changed
        return dataclasses.replace(changed, axes=dataclasses.replace(changed.axes, strengths=strengths))

    @property
    def grid(self) -> BlockGrid:
        """The data set."""
        return BlockGrid(self.data.blocks, self.data.pixels, self.data.noise_variance)

    @property
    def strength(self) -> str:
        """What the objective calls its strength, and tables call the column."""
        return self.objective.kind.strength

    @property
    def symbol(self) -> str:
        """What texts and figures call the strength."""
        return self.objective.kind.symbol

    @property
    def strength_in_words(self) -> str:
        """The strength's symbol, and what it is: "β (weight of the KL)"."""
        words, *_ = self.objective.kind.help_of(self.strength).split(", ")
        return self.symbol if words == self.symbol else f"{self.symbol} ({words})"

    @property
    def varies_beta(self) -> bool:
        """Whether strengths are a β, beside which linear theory's can be put."""
        return self.strength == "beta"

    @property
    def theory_holds(self) -> bool:
        """Whether linear theory speaks of this objective: it is the beta-VAE's."""
        return self.objective.objective == "beta-vae"

    def cells(self) -> tuple[Cell, ...]:
        """Every (mu, strength, seed); seeds vary slowest, strengths fastest."""
        return product(self.axes.mus, self.axes.strengths, self.axes.seeds)


_IN_MINUTES: dict[str, Any] = {
    "mus": (0.0, 0.5, 1.0, 1.5, 2.0), "strengths": (1.0, 2.0, 4.0), "seeds": (0, 1, 2),
    "steps": 5_000, "warmup_steps": 2_000, "kl": "closed_form",
}  # fmt: skip
_AT_LENGTH = {"seeds": (0, 1, 2), "steps": 200_000, "warmup_steps": 5_000, "patience": 10, "validate_every": 1_000}
_FINE: dict[str, Any] = {
    "mus": (0.0, 1.0, 2.0, 3.0, 4.0, 5.0), "strengths": tuple(round(2 ** (k / 2), 4) for k in range(-4, 11)),
    "seeds": (0, 1, 2, 3, 4), "steps": 20_000, "warmup_steps": 5_000, "kl": "closed_form",
}  # fmt: skip

PRESETS: dict[str, BiasedGridConfig] = {
    # Answers in minutes: beta ramped up, closed-form KL, and betas and mus where latents are in use and fall out of it.
    "quick": BiasedGridConfig("quick").replaced(**_IN_MINUTES),
    # The source's protocol: 10 000 steps, one-sample KL, constant beta. Three seeds for spreads.
    "seed": BiasedGridConfig("seed").replaced(seeds=(0, 1, 2)),
    # To convergence: each model stops when its validation objective has stopped improving.
    "long": BiasedGridConfig("long").replaced(**_AT_LENGTH),
    # What the source names as missing: a finer beta, in half octaves from 1/4 to 32, and five seeds. Hours.
    "fine": BiasedGridConfig("fine").replaced(**_FINE),
}
