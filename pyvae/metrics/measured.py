"""What every metric returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measured:
    """A score of one fixed model, with what is needed to judge it.

    `low` and `high` are a 95 % interval over the samples that were drawn; over other models or seeds it says nothing.
    """

    value: float
    low: float
    high: float
    ceiling: float
    """The most that these factors and codes allow."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How it was measured: what another number of the same name has to share to be compared."""
    parts: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What the score is made of, by name: estimates for each factor, each latent, or both."""

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}; at most {self.ceiling:.3g})"
