"""What an encoder's second head says of a posterior's width, read as a log-variance."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from pyvae.ops.arguments import is_number

SpreadIs = Literal["logvar", "var", "std", "log_std"]
Activation = Literal["exp", "softplus", "sigmoid2", "neg_abs"] | Callable[[Tensor], Tensor]

SPREADS: tuple[str, ...] = ("logvar", "var", "std", "log_std")
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "softplus": softplus,
    "sigmoid2": lambda s: 2 * torch.sigmoid(s / 2),
    "neg_abs": lambda s: -s.abs(),
}
"""What encoders put a head through: scvi-tools, audio autoencoders, Gaussian world models, hgraph2graph."""


@dataclass(frozen=True)
class Spread:
    """How a head `s` is read: activation(s) + eps, clamped, is `spread_is`.

    Raises TypeError for an activation that is no name and cannot be called, and for an eps or a bound that is no
    number; ValueError for an unknown name, an eps that is negative or not finite, and a clamp that is no pair (low,
    high), one of which may be None, or is empty.
    """

    spread_is: SpreadIs = "logvar"
    activation: Activation | None = None
    eps: float = 0.0
    clamp: tuple[float | None, float | None] | None = None

    def __post_init__(self) -> None:
        if self.spread_is not in SPREADS:
            raise ValueError(f"spread_is must be one of {', '.join(SPREADS)}, got {self.spread_is!r}.")
        if isinstance(self.activation, str):
            if self.activation not in ACTIVATIONS:
                known = ", ".join(ACTIVATIONS)
                raise ValueError(f"activation must be one of {known}, or a callable, got {self.activation!r}.")
        elif self.activation is not None and not callable(self.activation):
            kind = type(self.activation).__name__
            raise TypeError(f"activation must be a name, a callable or None, got {kind}.")
        if not is_number(self.eps):
            raise TypeError(f"eps must be a number, got {type(self.eps).__name__}.")
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"eps must be at least 0 and finite, got {self.eps}.")
        if self.clamp is not None:
            _check_clamp(self.clamp)

    def logvar(self, s: Tensor) -> Tensor:
        """The log-variance that a head s says, in s's dtype.

        Beyond the clamp its gradient is 0. A variance or a standard deviation that is not positive gives NaN or -inf.
        """
        if self._is_log_exp:
            # log(exp(s) + eps), in which a small variance does not drown, nor a large one overflow.
            value = s if self.eps == 0 else torch.logaddexp(s, s.new_full((), math.log(self.eps)))
            value = _clamped(value, _logs(self.clamp))
        else:
            value = _clamped(self._activated(s), self.clamp)
            value = value if self.spread_is in ("logvar", "log_std") else value.log()
        return value if self.spread_is in ("logvar", "var") else 2 * value

    @property
    def log_scale(self) -> float | None:
        """What the clamped head is multiplied by to be the log-variance; None where it is something else."""
        if self.activation is not None or self.eps != 0:
            return None
        return {"logvar": 1.0, "log_std": 2.0}.get(self.spread_is)

    @property
    def bounds(self) -> tuple[float, float]:
        """The clamp, infinite where there is none."""
        low, high = (None, None) if self.clamp is None else self.clamp
        return -math.inf if low is None else float(low), math.inf if high is None else float(high)

    @property
    def _is_log_exp(self) -> bool:
        return self.activation == "exp" and self.spread_is in ("var", "std")

    def _activated(self, s: Tensor) -> Tensor:
        if isinstance(self.activation, str):
            s = ACTIVATIONS[self.activation](s)
        elif self.activation is not None:
            s = self.activation(s)
        return s if self.eps == 0 else s + self.eps


def _check_clamp(clamp: tuple[float | None, float | None]) -> None:
    if not isinstance(clamp, tuple | list) or len(clamp) != 2:
        raise ValueError(f"clamp must be a pair (low, high), got {clamp!r}.")
    for bound in clamp:
        if bound is not None and not is_number(bound):
            raise TypeError(f"clamp must be a pair of numbers or None, got {type(bound).__name__}.")
        if bound is not None and math.isnan(bound):
            raise ValueError("clamp must be a pair of numbers or None, got NaN.")
    low, high = clamp
    if low == math.inf or high == -math.inf:
        raise ValueError(f"clamp must leave room for numbers, got {clamp!r}.")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"clamp must have its low below its high, got {clamp!r}.")


def _logs(clamp: tuple[float | None, float | None] | None) -> tuple[float | None, float | None] | None:
    """The bounds of a positive number as those of its logarithm; one that is not positive bounds nothing."""
    if clamp is None:
        return None
    low, high = (None if bound is None or bound <= 0 else math.log(bound) for bound in clamp)
    return low, high


def _clamped(value: Tensor, clamp: tuple[float | None, float | None] | None) -> Tensor:
    return value if clamp is None or clamp == (None, None) else value.clamp(*clamp)
