"""What is computed of each model for its pictures, once, on the same test images for all."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from pyvae.data import DataSet
from pyvae.metrics import Codes, Factors, active_latents
from pyvae.pages.run import Member
from pyvae.pictures import (
    Encoded,
    LatentFactors,
    NothingToShow,
    encoded,
    latent_factors,
    negative_elbo,
    order,
    reconstruction,
    usage,
)
from pyvae.pictures.model import decoded
from pyvae.studies.scores import Points

INFORMATION_SAMPLES = 4000


@dataclass(frozen=True)
class How:
    """What a page shows: images in a row, points of the test set that codes and scores are of, and the seed."""

    images: int = 10
    points: int = 2000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Material:
    """Test images of a data set: `shown` [S, size] in rows, and `points` [N, size] with their factors, if any."""

    shape: tuple[int, ...]
    shown: Tensor
    points: Tensor
    factors: Factors | None
    values: Tensor
    """The points' factors as data sets take them, [N, F]."""
    total: int
    """Images of the test set."""


def material(data: DataSet, how: How) -> Material:
    """Drawn without replacement by the seed: the same for all models of a data set."""
    shown, points = (Points(data, count, how.seed, in_order=False) for count in (how.images, how.points))
    return Material(data.shape, shown.images, points.images, points.factors, points.values, points.total)


@dataclass(frozen=True, eq=False)
class Sheet:
    """One model on the material. What cannot be had raises NothingToShow, in a sentence."""

    member: Member
    material: Material
    how: How
    of_several_runs: bool = False

    @property
    def name(self) -> str:
        """The model's, with its run's where a page shows several."""
        return f"{self.member.run}: {self.member.name}" if self.of_several_runs else self.member.name

    @cached_property
    def fault(self) -> str | None:
        """Why nothing can be shown of the model; None where something can."""
        try:
            images = decoded(self.member.model, self.codes.mu[: self.how.images])
        except NothingToShow as problem:
            return str(problem)
        return None if bool(images.isfinite().all()) else "The model decodes to what is no number: it has diverged."

    @cached_property
    def start(self) -> Tensor:
        """The code [D] of the first image in rows, around which latents move."""
        return encoded(self.member.model, self.material.shown[:1], deterministic=True).mu[0]

    @cached_property
    def codes(self) -> Encoded:
        """Of the points."""
        return encoded(self.member.model, self.material.points, deterministic=self.member.deterministic)

    @cached_property
    def latents(self) -> list[int]:
        """The one most in use first."""
        found: list[int] = order(self.codes).tolist()
        return found

    @cached_property
    def usage(self) -> list[float]:
        """Of each latent: mean KL in nats, or the variance of a deterministic code."""
        found: list[float] = usage(self.codes).tolist()
        return found

    @property
    def unit(self) -> str:
        """What `usage` is."""
        return "variance" if self.member.deterministic else "KL"

    @cached_property
    def active(self) -> int:
        """Latents that hold information of the points, of codes with variances."""
        return int(active_latents(Codes(*self.codes), samples=INFORMATION_SAMPLES, seed=self.how.seed).value)

    @cached_property
    def squared_error(self) -> float:
        """Mean over the points' pixels, decoded from the posterior mean."""
        return float((reconstruction(self.member.model, self.material.points) - self.material.points).square().mean())

    @cached_property
    def scores(self) -> Tensor:
        """-ELBO of each point in nats."""
        deterministic = self.member.deterministic
        return negative_elbo(
            self.member.decoder,
            self.material.points,
            self.member.likelihood,
            deterministic=deterministic,
            seed=self.how.seed,
        )

    @cached_property
    def never_drawn(self) -> Tensor | None:
        """Which points, bool [N], are of combinations that training never drew; None where none or all are."""
        found = self.member.never_drawn(self.material.values)
        return None if found is None or bool(found.all()) else found

    @cached_property
    def map(self) -> LatentFactors | None:
        """What latents tell of factors, where there are factors."""
        if self.material.factors is None:
            return None
        return latent_factors(self.codes, self.material.factors, seed=self.how.seed)

    @property
    def told_best(self) -> int | None:
        """The factor that a single latent tells most of, where there are factors."""
        if self.map is None or self.material.factors is None:
            return None
        name = self.map.factors[int(self.map.shares.max(0).argmax())]
        return self.material.factors.names.index(name)
