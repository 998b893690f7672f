"""The agreement study's settings, and three presets."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyvae.losses import OBJECTIVES, Objective
from pyvae.settings import Config, Part, setting
from pyvae.studies.config import DataSettings, ModelSettings, dataset_size
from pyvae.training import Cell, TrainingSettings, product
from pyvae.training.settings import check_patience


@dataclass(frozen=True)
class Sweep:
    """One of the six objectives: a group of models."""

    group: str
    """Its name in tables, folders and figures."""
    objective: str
    """Its name in pyvae.losses."""
    field: str
    """The setting that lists its strengths."""

    @property
    def kind(self) -> type[Objective]:
        """The objective's class."""
        return OBJECTIVES[self.objective]


SWEEPS = (
    Sweep("beta-vae", "beta-vae", "beta_vae"),
    Sweep("controlled-capacity", "controlled-capacity", "controlled_capacity"),
    Sweep("factor-vae", "factor-vae", "factor_vae"),
    Sweep("dip-vae-i", "dip-vae", "dip_vae_i"),
    Sweep("dip-vae-ii", "dip-vae", "dip_vae_ii"),
    Sweep("beta-tcvae", "beta-tcvae", "beta_tcvae"),
)
"""The objectives of the large study, in its order."""


@dataclass(frozen=True)
class Strengths(Part):
    """One model is trained for every strength of every objective and every seed.

    The large study has β {1, 2, 4, 6, 8, 16} and {1, 2, 4, 6, 8, 10}, c {5, 10, 25, 50, 75, 100}, γ {10, 20, 30, 40,
    50, 100} and λ_od {1, 2, 5, 10, 20, 50}, for 64×64 pixels and 300 000 steps. These are for 32×32 pixels, 6 144
    images (8.7 nats) and 10 000 steps, by runs of one seed that were thrown away: from hardly any effect to nearly
    collapsed, or as far as an objective goes.
    """

    beta_vae: tuple[float, ...] = setting(
        (1.0, 4.0, 8.0, 16.0, 24.0, 32.0), "β of the beta-VAE.", at_least=0, unique=True
    )
    controlled_capacity: tuple[float, ...] = setting(
        (5.0, 10.0, 25.0, 50.0, 75.0, 100.0),
        "Nats that controlled capacity lets the code hold.",
        at_least=0,
        unique=True,
    )
    factor_vae: tuple[float, ...] = setting(
        (10.0, 20.0, 50.0, 100.0, 200.0, 400.0), "γ of the FactorVAE.", at_least=0, unique=True
    )
    dip_vae_i: tuple[float, ...] = setting(
        (1.0, 5.0, 20.0, 100.0, 500.0, 2000.0), "λ_od of DIP-VAE I; λ_d is ten times it.", at_least=0, unique=True
    )
    dip_vae_ii: tuple[float, ...] = setting(
        (1.0, 20.0, 100.0, 500.0, 1000.0, 2000.0), "λ_od of DIP-VAE II; λ_d is equal to it.", at_least=0, unique=True
    )
    beta_tcvae: tuple[float, ...] = setting(
        (1.0, 4.0, 8.0, 16.0, 64.0, 128.0), "β of the beta-TCVAE.", at_least=0, unique=True
    )
    seeds: tuple[int, ...] = setting(
        (0, 1, 2, 3, 4), "Repetitions; each has its own initialisation, data and noise.", at_least=0, unique=True
    )


@dataclass(frozen=True)
class ObjectiveChoices(Part):
    """What two of the objectives have beside a strength."""

    discriminator: tuple[int, ...] = setting(
        (256, 256, 256), "Widths of the FactorVAE's discriminator; the paper's are six of 1000.", at_least=1
    )
    capacity_gamma: float = setting(100.0, "Weight of the distance from the capacity.", at_least=0)
    capacity_schedule: str = setting(
        "warmup(33%)", "How controlled capacity grows; in the large study over the first third of the steps."
    )


@dataclass(frozen=True)
class EvaluationSettings(Part):
    """What is measured on trained models."""

    points: int = setting(10_000, "Images of the unbiased test set at most, the same for all models.", at_least=200)
    rotated_seeds: int = setting(
        1, "Of how many seeds the models are measured again with rotated codes, z' = Uz.", at_least=1
    )


@dataclass(frozen=True)
class AgreementConfig(Config):
    """All settings of one agreement study."""

    STUDY: ClassVar[str] = "agreement"

    strengths: Strengths = field(default_factory=Strengths)
    choices: ObjectiveChoices = field(default_factory=ObjectiveChoices)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=lambda: ModelSettings(hidden=(96, 96), latents=10))
    data: DataSettings = field(default_factory=DataSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        for sweep in SWEEPS:
            check_patience(self.training, sweep.kind)
        if self.model.latents < 2:
            raise ValueError(f"latents must be at least 2 for a gap between two, got {self.model.latents}")

    def strengths_of(self, sweep: Sweep) -> tuple[float, ...]:
        """In the order in which they were given."""
        return tuple(getattr(self.strengths, sweep.field))

    def options_of(self, sweep: Sweep, images: int | None) -> dict[str, Any]:
        """An objective's settings but for its strength, for a data set of so many images; StudyError for too few."""
        every: dict[str, dict[str, Any]] = {
            "beta-vae": {"kl": "closed_form"},
            "controlled-capacity": {"gamma": self.choices.capacity_gamma, "schedule": self.choices.capacity_schedule},
            "factor-vae": {"discriminator": self.choices.discriminator},
            "dip-vae-i": {"kind": "i"},
            "dip-vae-ii": {"kind": "ii"},
            "beta-tcvae": {"dataset_size": dataset_size(images, self.training)},
        }
        return every[sweep.group]

    def cells(self, sweep: Sweep) -> tuple[Cell, ...]:
        """Every (strength, seed) of an objective, without a bias; seeds vary slowest."""
        return product((0.0,), self.strengths_of(sweep), self.strengths.seeds)

    @property
    def several_seeds(self) -> bool:
        """Whether the study can say anything of seeds."""
        return len(self.strengths.seeds) > 1


_OF_16_PIXELS: dict[str, Any] = {
    "beta_vae": (0.5, 1.0, 2.0, 4.0, 6.0, 8.0),
    "controlled_capacity": (1.0, 2.0, 4.0, 6.0, 8.0, 12.0),
    "factor_vae": (1.0, 10.0, 35.0, 100.0, 300.0, 1000.0),
    "dip_vae_i": (1.0, 5.0, 20.0, 50.0, 200.0, 500.0),
    "dip_vae_ii": (1.0, 5.0, 20.0, 100.0, 200.0, 500.0),
    "beta_tcvae": (1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "capacity_gamma": 25.0,
}
PRESETS: dict[str, AgreementConfig] = {
    # Readings in minutes: one seed, small images, a third of the images to measure on.
    "quick": AgreementConfig("quick").replaced(**_OF_16_PIXELS, seeds=(0,), side=16, steps=5_000, points=2_000),
    # Five seeds, which shares of variance take; widths and steps so that two cores need less than an hour.
    "laptop": AgreementConfig("laptop"),
    # The large study's widths of the discriminator, wider models and longer training, for a GPU or a cluster.
    "large": AgreementConfig("large").replaced(
        hidden=(256, 256), steps=100_000, seeds=tuple(range(20)), discriminator=(1000,) * 6
    ),
}
