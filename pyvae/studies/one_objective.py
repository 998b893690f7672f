"""What studies of one objective of any kind share: the strengths that are its own, and what may not be asked of it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pyvae.losses import OBJECTIVES
from pyvae.losses.beta_tcvae import BANK
from pyvae.settings import Config, Spec
from pyvae.studies.config import ObjectiveSettings, dataset_size
from pyvae.studies.errors import StudyError
from pyvae.training import TrainingSettings
from pyvae.training.settings import check_patience

STRENGTHS = f"Strengths of the objective: {', '.join(f'{kind.strength} of {n}' for n, kind in OBJECTIVES.items())}."
"""What the setting `strengths` is for."""


class OneObjective(Config):
    """A config with the parts `objective`, `training` and `axes`, of which the last lists `strengths`."""

    ALIASES: ClassVar[Mapping[str, str]] = {"betas": "strengths", "beta_warmup_steps": "warmup_steps"}
    CHOICES: ClassVar[frozenset[str]] = frozenset({"objective"})

    if TYPE_CHECKING:  # fields of the subclass, each with its own default
        axes: Any
        objective: ObjectiveSettings
        training: TrainingSettings

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
            strengths = self._strengths_of_preset()
        else:
            return changed
        axes: dict[str, Any] = {"axes": dataclasses.replace(changed.axes, strengths=strengths)}
        return dataclasses.replace(changed, **axes)

    def _strengths_of_preset(self) -> tuple[float, ...]:
        """Those of the preset that it is of, or of the first one."""
        raise NotImplementedError

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

    def settings_for(self, images: int | None) -> dict[str, Any]:
        """The objective's settings but for its strength, on data of so many images, None where these never end: a size
        of the data set that it asks for is theirs. StudyError for fewer images than are taken at a time, and for a
        bank of images that never end, or of another number.
        """
        settings = dict(self.objective.options)
        if settings.get("estimator") == BANK:
            _check_bank(images, settings["dataset_size"])
        if "dataset_size" in settings and settings["dataset_size"] is None and settings.get("estimator") != "full":
            settings["dataset_size"] = dataset_size(images, self.training)
        return settings


def _check_bank(images: int | None, size: int | None) -> None:
    if images is None:
        raise StudyError(
            f"estimator must be mss, mws or balanced for images that are drawn on the fly, got {BANK}, which has a row "
            "for every image of a data set"
        )
    if size not in (None, images):
        raise StudyError(f"dataset_size must be the number of images, {images}, for the estimator {BANK}, got {size}")
