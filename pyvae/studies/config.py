"""Parts of configs that studies share: the data, the model and the objective, and what follows from them."""

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pyvae.data import DATA_SETS, DataSet, Sprites, named
from pyvae.data.registry import reads_files
from pyvae.losses import OBJECTIVES, Objective
from pyvae.settings import NONE, Part, Spec, setting
from pyvae.studies.errors import StudyError
from pyvae.training import TrainingSettings

MOST_IN_MEMORY = 1 << 30
"""Bytes of images, one for each pixel."""
LEAST_BETA = 1e-3
"""What a β of 0 counts as where ratios of βs are compared."""


@dataclass(frozen=True)
class ModelSettings(Part):
    """The stacked MLP VAE."""

    hidden: tuple[int, ...] = setting(
        (256, 256), "Widths of the encoder's hidden layers; the decoder mirrors them.", at_least=1
    )
    latents: int = setting(9, "Size of the learned code.", at_least=1)


@dataclass(frozen=True)
class DataSettings(Part):
    """The data set, of a study that takes any."""

    data: Literal[tuple(DATA_SETS)] = setting("sprites", "The data set, by its name in pyvae.data.")  # type: ignore[valid-type]
    data_path: str | None = setting(None, "Its file or folder, of data sets that are read from one.")
    sizes: tuple[int, ...] = setting(
        (3, 4, 8, 8, 8), "Of sprites: how many values shape, scale, orientation, x and y take.", at_least=1
    )
    side: int = setting(32, "Of sprites: pixels down and across.", at_least=8)

    def __post_init__(self) -> None:
        super().__post_init__()
        if reads_files(self.data) != (self.data_path is not None):
            files = "be the file or folder" if reads_files(self.data) else "be none"
            raise ValueError(
                f"data_path must {files} of {self.data}, got {NONE if self.data_path is None else self.data_path}"
            )
        if len(self.sizes) != 5:
            raise ValueError(f"sizes must be five numbers, got {', '.join(map(str, self.sizes))}")

    def open(self) -> DataSet:
        """The data set; StudyError where it cannot be read."""
        return _opened(self)


@functools.lru_cache(maxsize=4)
def _opened(settings: DataSettings) -> DataSet:
    """One object for all who ask, so that nothing is read or rendered twice."""
    if settings.data == "sprites":
        sprites = Sprites(settings.sizes, settings.side)  # type: ignore[arg-type]
        # Training draws each image many times.
        return sprites.cached(False, progress=False) if sprites.count * sprites.size <= MOST_IN_MEMORY else sprites
    try:
        return named(settings.data, settings.data_path)
    except (ValueError, OSError) as problem:
        raise StudyError(f"data_path must be that of {settings.data}, but {problem}") from None


def dataset_size(images: int | None, training: TrainingSettings) -> int:
    """The size that an objective is told of a data set of so many images: their number, or, where they never end, how
    many a run draws, since none is drawn twice.

    Raises StudyError for fewer images than are taken at a time, of which such an objective has no density.
    """
    least = max(training.batch_size, training.validation_images)
    if images is None:
        return max(training.steps * training.batch_size, least)
    if images < least:
        raise StudyError(
            f"batch_size and validation_images must be at most the number of images that data has, {images}, got "
            f"{training.batch_size} and {training.validation_images}"
        )
    return images


def reference_beta(betas: Iterable[float]) -> float:
    """The β that others are compared with: 1, or the nearest in ratio, the smaller of two."""
    return min(betas, key=lambda beta: (abs(math.log(max(beta, LEAST_BETA))), beta))


def spread(values: Iterable[float]) -> list[float]:
    """The least, the middle and the largest of some values, without repetition: what pictures are made of."""
    ordered = sorted(values)
    return sorted({ordered[0], ordered[len(ordered) // 2], ordered[-1]})


@dataclass(frozen=True)
class ObjectiveSettings(Part):
    """The objective by its name, and its own settings but for the strength, which is an axis of the study."""

    objective: str = "beta-vae"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Its settings by name; those that are not given are the objective's defaults."""

    def __post_init__(self) -> None:
        self._chooser()["objective"].checked(self.objective)
        specs = self._own()
        for name in self.options:
            if name not in specs:
                raise ValueError(f"options must be settings of {self.objective}, {', '.join(specs)}, got {name!r}")
        options = {name: spec.checked(self.options.get(name, spec.default)) for name, spec in specs.items()}
        object.__setattr__(self, "options", options)
        self.kind(**options)  # its own refusals come before a run, not during one

    @property
    def kind(self) -> type[Objective]:
        """The objective's class."""
        return OBJECTIVES[self.objective]

    def specs(self) -> dict[str, Spec]:
        return {**self._chooser(), **self._own()}

    def values(self) -> dict[str, Any]:
        return {"objective": self.objective, **self.options}

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Another objective keeps what was set and it has, too. Of a warm-up and a schedule, which say the same, the
        one that is set takes the other's place.
        """
        options = dict(values)
        if "schedule" in options:
            options = {"warmup_steps": 0, **options}
        elif options.get("warmup_steps"):
            options = {"schedule": "constant", **options}
        objective = options.pop("objective", self.objective)
        kept = type(self)(objective)._own()
        chosen = {name: value for name, value in self.options.items() if value != self._own()[name].default}
        return type(self)(objective, {name: v for name, v in {**chosen, **options}.items() if name in kept})

    def why_not(self, name: str) -> str | None:
        owners = [other for other, kind in OBJECTIVES.items() if name in kind.settings_of()]
        if name in [kind.strength for kind in OBJECTIVES.values()]:
            return f"{name} is an axis of the study: set strengths"
        return f"{name} is a setting of {' and '.join(owners)}, not of {self.objective}" if owners else None

    def _chooser(self) -> dict[str, Spec]:
        names = Literal[tuple(OBJECTIVES)]  # type: ignore[valid-type]
        return {"objective": Spec("objective", names, "beta-vae", "What is minimised, by its name in pyvae.losses.")}

    def _own(self) -> dict[str, Spec]:
        return {
            name: Spec(name, parameter.annotation, parameter.default, self.kind.help_of(name))
            for name, parameter in self.kind.settings_of().items()
            if name != self.kind.strength
        }
