"""Two arms side by side, seed by seed: models of one seed and one last β share initialisation, images and noise,
whatever β's way there.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import listed
from pyvae.report.statistics import Interval, ratio_interval, t_interval
from pyvae.studies.schedules.findings.words import Seeds, cited, mean, no_verdict, signed
from pyvae.studies.schedules.results import Arm, Array, Results

IN_USE_NATS = 0.1
"""Of KL, by which a model is told to be in use."""


class Quantity(NamedTuple):
    """What a verdict is of: a column, its name and unit, and how more and less of it are told."""

    column: str
    name: str
    unit: str
    more: str
    less: str


QUANTITIES = (
    Quantity("kl_nats", "KL", " nats", "more KL", "less KL"),
    Quantity("squared_error", "squared error", "", "a larger squared error", "a smaller squared error"),
)
"""Both that the loss is made of: one alone does not say whether two arms end alike."""


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

    @property
    def seeds(self) -> int:
        """How many are compared."""
        return int(self.used.sum())

    @property
    def differs(self) -> str:
        """In what the arm differs from the other, each quantity by its own interval; empty where in nothing."""
        gaps = [(one, self.gap(one.column)) for one in QUANTITIES]
        return listed(
            [one.more if gap.above_zero else one.less for one, gap in gaps if gap.above_zero or gap.below_zero]
        )

    @property
    def open(self) -> str:
        """By which quantities the two cannot be told apart; empty where there is none."""
        return " or ".join(one.name for one in QUANTITIES if self.gap(one.column).undecided)

    @property
    def same(self) -> str:
        """Of which quantities there is no interval, since seeds do not differ; empty where there is none."""
        return listed([one.name for one in QUANTITIES if self.gap(one.column).same])

    @property
    def left_open(self) -> str:
        """What the quantities beside those of a verdict tell, in parentheses; empty where there is none."""
        told = [f"by {self.open} they cannot be told apart"] if self.open and self.differs else []
        told += [f"of {self.same} every seed has the same difference, and no interval"] if self.same else []
        return f" ({'; '.join(told)})" if told else ""

    def ends(self, arm: str = "") -> str:
        """What the arm, by its name or another, ends with against the other, in both quantities."""
        kl, error = map(self._against, QUANTITIES)
        return self.cited(f"{arm or self.arm.name} ends with a KL of {kl}, and with a squared error of {error}")

    def _against(self, quantity: Quantity) -> str:
        own, other = (mean(values, 1) for values in self.values(quantity.column))
        seeds = f", seed by seed {signed(self.gap(quantity.column), 2)}" if self.seeds > 1 else ""
        return f"{own}{quantity.unit} against {other} of {self.other.name}{seeds}"

    @property
    def share(self) -> str:
        """The arm's KL over the other's, in parentheses; empty where the other's is not clear of 0."""
        own, other = self.values("kl_nats")
        if not t_interval(other).above_zero:
            return ""
        share = ratio_interval(own, other).times(100)
        half = f" ± {decimals(share.half, 1)}" if share.known else ""
        return f" ({decimals(share.mean, 1)}{half} % of that of {self.other.name})"

    def difference(self) -> str:
        """What differs at the end of training, in a sentence."""
        kl, std, error = (self.gap(column) for column in ("kl_nats", "posterior_std", "squared_error"))
        active = [mean(values, 1) for values in self.values("active")]
        numbers = self.cited(
            f"KL {signed(kl, 2)} nats{self.share}, mean posterior deviation {signed(std, 3)}, squared error "
            f"{signed(error, 2)}; active latents {active[0]} against {active[1]} of {self.results.config.model.latents}"
        )
        return f"{self.arm.name} less {self.other.name}: {numbers}."
