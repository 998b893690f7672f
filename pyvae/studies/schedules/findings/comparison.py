"""Two arms side by side, seed by seed: models of one seed and one last β share initialisation, images and noise,
whatever β's way there.
"""

from dataclasses import dataclass

import numpy as np

from pyvae.report.statistics import Interval, ratio_interval, t_interval
from pyvae.studies.schedules.findings.words import Seeds, cited, mean, no_verdict, signed
from pyvae.studies.schedules.results import Arm, Array, Results

IN_USE_NATS = 0.1
"""Of KL, by which a model is told to be in use."""


@dataclass(frozen=True)
class Comparison:
    """An arm and the one that it is compared with, over those seeds alone that give a number of both."""

    results: Results
    arm: Arm
    other: Arm

    @property
    def used(self) -> Seeds:
        return self.results.known(self.arm, self.other)

    def values(self, column: str) -> tuple[Array, Array]:
        """A column of both, [S] each; NaN for a seed that is left out of either."""
        own, other = (np.where(self.used, self.results.values(one, column), np.nan) for one in (self.arm, self.other))
        return own, other

    def gap(self, column: str) -> Interval:
        """The arm less the other."""
        own, other = self.values(column)
        return t_interval(own - other)

    @property
    def share(self) -> float:
        """The arm's mean KL over the other's."""
        return ratio_interval(*self.values("kl_nats")).mean

    @property
    def collapsed(self) -> tuple[bool, bool]:
        """Whether the mean KL of the arm, and of the other, is next to nothing."""
        own, other = (t_interval(values).mean < IN_USE_NATS for values in self.values("kl_nats"))
        return own, other

    def cited(self, numbers: str) -> str:
        """Numbers in words with their seeds."""
        return cited(numbers, self.results, self.used)

    @property
    def no_verdict(self) -> str:
        """The sentence for what no seed can tell."""
        return no_verdict(self.results, self.arm, self.other)

    def difference(self) -> str:
        """What differs at the end of training, in a sentence."""
        kl, std, error = (self.gap(column) for column in ("kl_nats", "posterior_std", "squared_error"))
        active = [mean(values, 1) for values in self.values("active")]
        numbers = self.cited(
            f"KL {signed(kl, 2)} nats, mean posterior deviation {signed(std, 3)}, squared error {signed(error, 2)}; "
            f"active latents {active[0]} against {active[1]} of {self.results.config.model.latents}"
        )
        return f"{self.arm.name} less {self.other.name}: {numbers}."
