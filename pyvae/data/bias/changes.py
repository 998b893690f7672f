"""How a distribution of factors may depart from the unbiased one: a small class for each change.

A change is applied to the logarithm of a joint distribution, a number for each combination of values: that of a grid of
factors, or of the rows of a table of labels. The sum of the probabilities is made 1 when all changes are applied.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from pyvae.data.arguments import items_of, shown
from pyvae.data.bias.fields import name_of, number_of, plain_of, set_fields, values_of
from pyvae.data.data_set import Factor

Known = Mapping[str, Factor]
"""A data set's factors by name."""


class Change:
    """What all changes are: plain fields, and a new joint distribution from the one before."""

    kind: ClassVar[str]

    def named(self, known: Known) -> tuple[str, ...]:
        """The factors that the change links with each other. Raises ValueError for factors that it cannot be of."""
        raise NotImplementedError

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        """The logarithm [C] of what C combinations are worth, of that before, for the combinations' values [C]."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Its fields as plain data."""
        return {field.name: plain_of(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_plain(cls, given: Mapping[str, Any]) -> Self:
        """A change of its fields. Raises ValueError for fields that are missing or unknown."""
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        if set(given) != set(names):
            raise ValueError(f"{cls.kind} must have the fields {' and '.join(names)}, got {_listed(given)}")
        return cls(**given)


@dataclass(frozen=True)
class Skew(Change):
    """More of the high values, or of the low ones: p(v) ∝ p0(v) exp(strength · v / (size − 1)), v = 0 … size − 1.

    The exponential tilting of a distribution (Esscher 1932): of all distributions with the same mean the one nearest to
    p0 in KL. strength is the logarithm of how much likelier the last value has become than the first; 0 is unbiased.

    Raises TypeError and ValueError for a name that is no text, and a strength that is not finite.
    """

    kind: ClassVar[str] = "skew"
    factor: str
    strength: float

    def __post_init__(self) -> None:
        set_fields(self, factor=name_of("factor", self.factor), strength=number_of("strength", self.strength))

    def named(self, known: Known) -> tuple[str, ...]:
        finite(self.kind, self.factor, known)
        return (self.factor,)

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        return log_p + self.strength * _place(values[self.factor], known[self.factor])

    def __str__(self) -> str:
        return f"skew {self.factor} by {self.strength:g}"


@dataclass(frozen=True)
class Shift(Change):
    """Another mean of a continuous factor, or of all with "*": N(by, 1) in place of N(0, 1).

    The bias μ of the biased-grid study. Shifts of one factor add up.

    Raises TypeError and ValueError for a name that is no text, and a number that is not finite.
    """

    kind: ClassVar[str] = "shift"
    factor: str
    by: float

    def __post_init__(self) -> None:
        set_fields(self, factor=name_of("factor", self.factor), by=number_of("by", self.by))

    def named(self, known: Known) -> tuple[str, ...]:
        """None: a shifted factor stays independent of the others."""
        if not self.shifted(known):
            raise ValueError("bias shifts continuous factors, and here is none")
        return ()

    def shifted(self, known: Known) -> tuple[str, ...]:
        """The names of the factors that it moves."""
        if self.factor == "*":
            return tuple(name for name, factor in known.items() if factor.size is None)
        if _factor(self.factor, known).size is not None:
            raise ValueError(f"bias shifts continuous factors only, and {self.factor} takes {known[self.factor].size}"
                             " values: skew it")  # fmt: skip
        return (self.factor,)

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        """As before: combinations are of finite factors."""
        return log_p

    def __str__(self) -> str:
        return f"shift {'all factors' if self.factor == '*' else self.factor} by {self.by:g}"


@dataclass(frozen=True)
class Correlate(Change):
    """Two factors near each other: p(a, b) ∝ p0(a, b) exp(−strength² (u_a − u_b)² / 2), u = v / (size − 1) in [0, 1].

    The correlation of Träuble et al. 2021 (On Disentangled Representations Learned from Correlated Data), whose sigma
    is 1 / strength in shares of a factor's range: sigma = 0.2 is a strength of 5, and a strength of 0 is unbiased. A
    negative one pairs high values of one factor with low values of the other: 1 − u_b takes the place of u_b.

    Raises TypeError and ValueError for names that are no text or the same, and a strength that is not finite.
    """

    kind: ClassVar[str] = "correlate"
    first: str
    second: str
    strength: float

    def __post_init__(self) -> None:
        set_fields(self, first=name_of("first", self.first), second=name_of("second", self.second))
        set_fields(self, strength=number_of("strength", self.strength))
        if self.first == self.second:
            raise ValueError(f"first and second must be two factors, got {self.first!r} twice")

    def named(self, known: Known) -> tuple[str, ...]:
        for name in (self.first, self.second):
            if finite(self.kind, name, known) < 2:
                raise ValueError(f"bias correlates factors of at least 2 values, and {name} takes 1")
        return (self.first, self.second)

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        a, b = (_place(values[name], known[name]) for name in (self.first, self.second))
        apart = a - (b if self.strength >= 0 else 1 - b)
        return log_p - (self.strength * apart).square() / 2

    def __str__(self) -> str:
        return f"correlate {self.first} and {self.second} by {self.strength:g}"


@dataclass(frozen=True)
class Remove(Change):
    """Combinations that never occur: p = 0 where every named factor has one of the values that are listed for it.

    The held-out combinations of Montero et al. 2021 (The Role of Disentanglement in Generalisation).
    `where` is a mapping {"shape": [2], "x": [0, 1]}, kept as pairs of a name and its values.

    Raises TypeError and ValueError for what is no such mapping, and a name without values.
    """

    kind: ClassVar[str] = "remove"
    where: tuple[tuple[str, tuple[int, ...]], ...]

    def __init__(self, where: Mapping[str, Iterable[int]] | Iterable[tuple[str, Iterable[int]]]) -> None:
        try:
            pairs = list(dict(where).items())
        except (TypeError, ValueError):
            raise TypeError(f'remove must be a mapping as {{"shape": [2], "x": [0, 1]}}, got {where!r}') from None
        if not pairs:
            raise ValueError("remove must name at least one factor, got none: all combinations would go")
        set_fields(self, where=tuple((name_of("remove", name), values_of(str(name), values)) for name, values in pairs))

    def named(self, known: Known) -> tuple[str, ...]:
        for name, values in self.where:
            size = finite(self.kind, name, known)
            if max(values) >= size:
                raise ValueError(f"bias removes values of {name} from 0 to {size - 1}, got {max(values)}")
        return tuple(name for name, _ in self.where)

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        gone = torch.ones_like(log_p, dtype=torch.bool)
        for name, listed in self.where:
            gone &= torch.isin(values[name], torch.tensor(listed, device=log_p.device))
        return log_p.masked_fill(gone, -math.inf)

    def plain(self) -> dict[str, Any]:
        """The mapping."""
        return {name: list(values) for name, values in self.where}

    @classmethod
    def from_plain(cls, given: Mapping[str, Any]) -> Self:
        """Of the mapping."""
        return cls(given)

    def __str__(self) -> str:
        return "remove " + " with ".join(f"{name} {', '.join(map(str, values))}" for name, values in self.where)


@dataclass(frozen=True)
class Resample(Change):
    """Another marginal: p(x) = p0(x) shares[v] / p0(v) for the value v of the factor in x.

    A data set resampled by an attribute, as CelebA by one of its forty: all other factors keep their distribution given
    it. shares has a number of at least 0 for each value from 0; only their ratios count.

    Raises TypeError and ValueError for a name that is no text, and shares below 0, infinite or without a positive sum.
    """

    kind: ClassVar[str] = "resample"
    factor: str
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        given = items_of(self.shares)
        if given is None:
            raise TypeError(f"shares must be a list of numbers, got {shown(self.shares)}")
        shares = tuple(number_of("shares", share) for share in given)
        set_fields(self, factor=name_of("factor", self.factor), shares=shares)
        if min(shares, default=-1) < 0 or not 0 < sum(shares) < math.inf:
            raise ValueError(f"shares must be numbers of at least 0 with a positive sum, got {list(shares)}")

    def named(self, known: Known) -> tuple[str, ...]:
        size = finite(self.kind, self.factor, known)
        if len(self.shares) != size:
            raise ValueError(f"shares must be {size} numbers for {self.factor}, got {len(self.shares)}")
        return (self.factor,)

    def applied(self, log_p: Tensor, values: Mapping[str, Tensor], known: Known) -> Tensor:
        log_shares = torch.tensor(self.shares, dtype=log_p.dtype, device=log_p.device).log()
        out = torch.full_like(log_p, -math.inf)
        for value, log_share in enumerate(log_shares):
            rows = values[self.factor] == value
            total = log_p[rows].logsumexp(0)
            if self.shares[value] > 0 and total == -math.inf:
                raise ValueError(f"shares must be 0 for {self.factor} {value}, which never occurs, got "
                                 f"{self.shares[value]:g}")  # fmt: skip
            if self.shares[value] > 0:
                out[rows] = log_p[rows] - total + log_share
        return out

    def __str__(self) -> str:
        return f"resample {self.factor} to {':'.join(f'{share:g}' for share in self.shares)}"


CHANGES: dict[str, type[Change]] = {kind.kind: kind for kind in (Skew, Shift, Correlate, Remove, Resample)}


def finite(kind: str, name: str, known: Known) -> int:
    """How many values a factor takes. Raises ValueError for one that is continuous or unknown."""
    size = _factor(name, known).size
    if size is None:
        raise ValueError(f"bias can {kind} factors with a number of values, and {name} is continuous: shift it")
    return size


def _factor(name: str, known: Known) -> Factor:
    if name not in known:
        raise ValueError(f"bias must name factors among {_listed(known)}, got {name!r}")
    return known[name]


def _place(value: Tensor, factor: Factor) -> Tensor:
    """Where values stand between the first, 0, and the last, 1."""
    return value.double() / max((factor.size or 1) - 1, 1)


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names)) or "none"
