"""The biased-sprites study's settings, and its presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyvae.losses import OBJECTIVES, Objective
from pyvae.settings import Config, Part, setting
from pyvae.studies.config import DataSettings, ModelSettings, dataset_size, reference_beta
from pyvae.training import Cell, TrainingSettings, product
from pyvae.training.settings import check_patience

OBJECTIVE_NAMES = ("beta-vae", "beta-tcvae")
"""A weight on the whole KL, and on the total correlation alone; both can be weighed."""


@dataclass(frozen=True)
class Kind:
    """A kind of bias."""

    name: str
    setting: str
    """That lists its strengths."""
    noun: str
    """As texts have it."""
    weighable: bool
    """Whether importance weights exist: of what is never drawn there are none."""


KINDS = (
    Kind("skew", "skews", "skew", True),
    Kind("correlate", "correlations", "correlation", True),
    Kind("remove", "removals", "removal", False),
)


@dataclass(frozen=True)
class Group:
    """Models of one objective on one kind of training data."""

    objective: str
    kind: Kind | None = None
    """None: unbiased, which all kinds have for a reference."""
    weighted: bool = False

    @property
    def name(self) -> str:
        """As tables and folders have it: "beta-tcvae-skew-weighted"."""
        parts = [self.objective, *([] if self.kind is None else [self.kind.name])]
        return "-".join([*parts, "weighted"] if self.weighted else parts)


@dataclass(frozen=True)
class Axes(Part):
    """One model of each objective is trained for every bias, β and seed, and one more where weights exist."""

    skews: tuple[float, ...] = setting(
        (6.0,), "Skews: the log of how much likelier a factor's last value is than its first.", above=0, unique=True
    )
    correlations: tuple[float, ...] = setting(
        (4.0,), "Correlations of two factors: 1 / standard deviation of their difference in shares of the range.",
        above=0, unique=True,
    )  # fmt: skip
    removals: tuple[float, ...] = setting(
        (0.5,), "Removals: combinations of two factors' last values, this share of each, are never drawn.",
        above=0, at_most=1, unique=True,
    )  # fmt: skip
    strengths: tuple[float, ...] = setting(
        (1.0, 4.0), "Strengths β: weight of the KL in beta-vae, of the total correlation in beta-tcvae.",
        at_least=0, unique=True,
    )  # fmt: skip
    seeds: tuple[int, ...] = setting(
        (0, 1, 2), "Repetitions; each has its own initialisation, data and noise.", at_least=0, unique=True
    )


@dataclass(frozen=True)
class BiasSettings(Part):
    """What the biases are of."""

    skewed: str = setting("x", "The factor that is skewed.")
    correlated: tuple[str, ...] = setting(("x", "y"), "The two factors that are correlated.")
    removed: tuple[str, ...] = setting(("x", "y"), "The two factors of which combinations are removed.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, factors in (("correlated", self.correlated), ("removed", self.removed)):
            if len(set(factors)) != 2 or len(factors) != 2:
                raise ValueError(f"{name} must be two different factors, got {', '.join(factors)}")


@dataclass(frozen=True)
class ObjectiveChoices(Part):
    """What the objectives have beside their β."""

    warmup_steps: int = setting(1_500, "Steps over which β rises linearly from 0.", at_least=0)


@dataclass(frozen=True)
class EvaluationSettings(Part):
    """What is measured on trained models, on the unbiased test set."""

    points: int = setting(10_000, "Images of the test set at most, the same for all models.", at_least=16)
    samples: int = setting(
        2_048, "Images of these of which a code is sampled, to tell how much it holds of their factors.", at_least=16
    )
    sample_images: int = setting(20, "Training images shown of each bias.", at_least=1)


@dataclass(frozen=True)
class BiasedSpritesConfig(Config):
    """All settings of one biased-sprites study."""

    STUDY: ClassVar[str] = "biased-sprites"
    ALIASES: ClassVar[Mapping[str, str]] = {"betas": "strengths"}

    axes: Axes = field(default_factory=Axes)
    biases: BiasSettings = field(default_factory=BiasSettings)
    choices: ObjectiveChoices = field(default_factory=ObjectiveChoices)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    model: ModelSettings = field(default_factory=lambda: ModelSettings(latents=10))
    data: DataSettings = field(default_factory=DataSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        for name in OBJECTIVE_NAMES:
            check_patience(self.training, OBJECTIVES[name])
        if self.model.latents < 2:
            raise ValueError(f"latents must be at least 2 for a gap between two, got {self.model.latents}")

    @property
    def groups(self) -> tuple[Group, ...]:
        """Of each objective unbiased models, those of each bias, and these again with weights, where there are any."""
        biased = [(kind, False) for kind in KINDS] + [(kind, True) for kind in KINDS if kind.weighable]
        return tuple(
            group
            for name in OBJECTIVE_NAMES
            for group in (Group(name), *(Group(name, kind, weighted) for kind, weighted in biased))
        )

    def biases_of(self, kind: Kind) -> tuple[float, ...]:
        """The strengths of a kind of bias, in ascending order."""
        return tuple(sorted(getattr(self.axes, kind.setting)))

    def cells(self, group: Group) -> tuple[Cell, ...]:
        """Every (bias, β, seed) of a group; seeds vary slowest, β fastest."""
        biases = (0.0,) if group.kind is None else self.biases_of(group.kind)
        return product(biases, self.axes.strengths, self.axes.seeds)

    def objective_of(self, group: Group, images: int | None) -> tuple[type[Objective], dict[str, Any]]:
        """A group's objective and its settings but for β, for a data set of so many images; StudyError for too few."""
        kind, options = OBJECTIVES[group.objective], {"warmup_steps": self.choices.warmup_steps}
        if group.objective == "beta-vae":
            return kind, {**options, "kl": "closed_form"}
        # "balanced": the other estimator that the paper offers, mss, has no weighted form.
        return kind, {**options, "dataset_size": dataset_size(images, self.training), "estimator": "balanced"}

    @property
    def reference(self) -> float:
        """The β that others are compared with."""
        return reference_beta(self.axes.strengths)


_IN_MINUTES: dict[str, Any] = {"side": 16, "steps": 3_000, "curve_every": 100}
_ON_A_LAPTOP: dict[str, Any] = {
    "skews": (4.0, 8.0), "correlations": (3.0, 5.0), "removals": (0.5, 0.75), "strengths": (1.0, 4.0, 8.0),
    "seeds": (0, 1, 2, 3), "steps": 4_500, "warmup_steps": 2_000, "curve_every": 150,
}  # fmt: skip
_AT_LENGTH: dict[str, Any] = {
    "skews": (2.0, 4.0, 6.0, 8.0, 12.0), "correlations": (1.0, 2.0, 3.0, 5.0, 10.0), "removals": (0.25, 0.5, 0.75),
    "strengths": (0.5, 1.0, 2.0, 4.0, 8.0), "seeds": (0, 1, 2, 3, 4), "side": 64, "batch_size": 256, "steps": 100_000,
    "warmup_steps": 10_000, "patience": 10, "validate_every": 1_000, "curve_every": 500, "samples": 6_144,
}  # fmt: skip

PRESETS: dict[str, BiasedSpritesConfig] = {
    # Answers in minutes: one strength of each bias, at which throw-away runs lost more than their seeds differ.
    "quick": BiasedSpritesConfig("quick").replaced(**_IN_MINUTES),
    # Two strengths of each bias: one whose weights leave batches of many images' worth, one that hardly does.
    "laptop": BiasedSpritesConfig("laptop").replaced(**_ON_A_LAPTOP),
    # To convergence, for a GPU or a cluster.
    "large": BiasedSpritesConfig("large").replaced(**_AT_LENGTH),
}
