"""The biased-grid study's settings, and four presets."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyvae.data import BlockGrid
from pyvae.settings import Part, setting
from pyvae.studies.config import ModelSettings, ObjectiveSettings
from pyvae.studies.one_objective import STRENGTHS, OneObjective
from pyvae.training import Cell, TrainingSettings, product

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
        STRENGTHS,
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
class BiasedGridConfig(OneObjective):
    """All settings of one biased-grid study. One model is trained for every (mu, strength, seed)."""

    STUDY: ClassVar[str] = "biased-grid"

    axes: Axes = field(default_factory=Axes)
    objective: ObjectiveSettings = field(default_factory=lambda: ObjectiveSettings("beta-vae", {"kl": "sampled"}))
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    data: GridSettings = field(default_factory=GridSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def _strengths_of_preset(self) -> tuple[float, ...]:
        return PRESETS.get(self.preset, PRESETS["quick"]).axes.strengths

    @property
    def grid(self) -> BlockGrid:
        """The data set."""
        return BlockGrid(self.data.blocks, self.data.pixels, self.data.noise_variance)

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
