"""The schedules study's settings and presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pyvae.settings import Config, Part, setting
from pyvae.studies.config import DataSettings, ModelSettings
from pyvae.studies.schedules.runs import RUNS, SOURCE_NUMBERS, SOURCE_STEPS, Run
from pyvae.training import Cell, TrainingSettings, product


@dataclass(frozen=True)
class Axes(Part):
    """One model is trained for every β, and for every schedule of the source, and every seed."""

    betas: tuple[float, ...] = setting(
        (1.0, 10.0, 100.0, 1000.0, 10_000.0), "Constant βs, beside which the schedules run.", at_least=0, unique=True
    )
    seeds: tuple[int, ...] = setting(
        (0, 1, 2), "Repetitions; each has its own initialisation, data and noise.", at_least=0, unique=True
    )
    scale: float = setting(
        1.0,
        "Every β, constant or scheduled, times this: 0.0833 gives images of 32 x 32 numbers the source's β per number.",
        above=0,
    )


@dataclass(frozen=True)
class NetworkSettings(ModelSettings):
    """The stacked VAE: an MLP, or the source's convolutions."""

    latents: int = setting(32, "Size of the learned code.", at_least=1)
    network: Literal["mlp", "conv"] = setting(
        "mlp", "mlp is relu layers of the hidden widths; conv has convolutions before them, mirrored in the decoder."
    )
    channels: tuple[int, ...] = setting(
        (32, 32, 32, 32), "Of conv: channels of the encoder's convolutions, 4 x 4 with stride 2.", at_least=1
    )


@dataclass(frozen=True)
class EvaluationSettings(Part):
    """What is measured on trained models."""

    points: int = setting(2048, "Images of the test set that trained models are measured on, at most.", at_least=32)


@dataclass(frozen=True)
class SchedulesConfig(Config):
    """All settings of one schedules study. A likelihood of variance 1/2 makes the loss summed squared error + β KL."""

    STUDY: ClassVar[str] = "schedules"
    ALIASES: ClassVar[Mapping[str, str]] = {"strengths": "betas"}

    axes: Axes = field(default_factory=Axes)
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(steps=SOURCE_STEPS // 10, learning_rate=5e-4)
    )
    model: NetworkSettings = field(default_factory=NetworkSettings)
    data: DataSettings = field(default_factory=DataSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def cells(self, run: Run) -> tuple[Cell, ...]:
        """The models of a run; seeds vary slowest."""
        ends = self.axes.betas if run.end is None else (run.end,)
        return product((0.0,), tuple(self.axes.scale * end for end in ends), self.axes.seeds)

    @property
    def models(self) -> int:
        """How many there are."""
        return sum(len(self.cells(run)) for run in RUNS.values())


_SOURCE = {"steps": SOURCE_STEPS, "network": "conv", "side": 64, "curve_every": 250}

PRESETS: dict[str, SchedulesConfig] = {
    # The source's runs at a tenth of its steps, on small images by an MLP: minutes.
    "quick": SchedulesConfig("quick").replaced(hidden=(128, 128)),
    # The same with the source's β for each number of an image: what collapses at one scale need not at another.
    "per-pixel": SchedulesConfig("per-pixel").replaced(hidden=(128, 128), scale=32 * 32 / SOURCE_NUMBERS),
    # The source's number of steps.
    "full": SchedulesConfig("full").replaced(steps=SOURCE_STEPS, curve_every=250),
    # Its network and image side as well; its data set with --set data=celeba --set data_path=FOLDER.
    "source": SchedulesConfig("source").replaced(**_SOURCE),
}
