"""`Bias`: changes of a distribution of factors as one thing with a name, which text can hold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from pyvae.data.arguments import items_of, shown, tensor_of
from pyvae.data.bias.changes import CHANGES, Change
from pyvae.data.bias.distribution import GridDistribution, TableDistribution, grid_distribution
from pyvae.data.bias.table import FactorTable
from pyvae.data.data_set import DataSet, Factor, factors_from

Unbiased = DataSet | Sequence[Factor] | FactorTable
"""What a bias departs from: a data set, or its factors, independent and each uniform over its values or N(0, 1), or its
`table`, whose rows are all as likely.
"""


@dataclass(frozen=True, init=False, repr=False)
class Bias:
    """How the factors of training data depart from their unbiased distribution; the test set stays unbiased.

    Changes are applied from the first to the last, then probabilities are made to add up to 1. Skews, shifts,
    correlations and removals may come in any order; a `Resample` sets the marginal of what the changes before it left,
    and those after it move that marginal again.

    Args:
        changes: any number of them; without one it is the unbiased distribution, `Bias.none`.
        name: in tables and texts; without one it is what the bias does in words, `str(bias)`.

    Biases are immutable, equal where changes and name are, and add up: a + b makes the changes of a, then those of b.

    Raises TypeError for what is no change, and a name that is no text.

    Example:
        >>> bias = Bias(Skew("scale", 2.0)) + Correlate("x", "y", 5.0)
        >>> str(bias)
        'skew scale by 2, correlate x and y by 5'
    """

    none: ClassVar["Bias"]
    changes: tuple[Change, ...]
    title: str | None
    """The name that it was given."""

    def __init__(self, *changes: Change, name: str | None = None) -> None:
        wrong = [change for change in changes if not isinstance(change, Change)]
        if wrong:
            kinds = ", ".join(kind.__name__ for kind in CHANGES.values())
            raise TypeError(f"changes must be of the kinds {kinds}, got {wrong[0]!r}")
        if name is not None and not (isinstance(name, str) and name):
            raise TypeError(f"name must be a text, got {name!r}")
        object.__setattr__(self, "changes", changes)
        object.__setattr__(self, "title", name)
        object.__setattr__(self, "_hash", hash((changes, name)))  # asked for at every draw

    def __hash__(self) -> int:
        found: int = self.__dict__["_hash"]
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew: another process has other hashes."""
        return _made, (self.changes, self.title)

    @property
    def name(self) -> str:
        """The name that it was given, or what it does in words."""
        return self.title or str(self)

    def __bool__(self) -> bool:
        """Whether there is any change."""
        return bool(self.changes)

    def __add__(self, other: "Bias | Change") -> "Bias":
        then = Bias(other) if isinstance(other, Change) else other
        if not isinstance(then, Bias):
            return NotImplemented
        if not (self and then):
            return self or then
        named = self.title is not None or then.title is not None
        return Bias(*self.changes, *then.changes, name=f"{self.name} + {then.name}" if named else None)

    def __str__(self) -> str:
        return ", ".join(map(str, self.changes)) or "unbiased"

    def __repr__(self) -> str:
        parts = [*map(repr, self.changes), *([] if self.title is None else [f"name={self.title!r}"])]
        return f"Bias({', '.join(parts)})"

    def check(self, unbiased: Unbiased) -> None:
        """Raises ValueError where the bias cannot be of such data: for factors that are unknown, of another kind or
        size, and where no combination is left; TypeError for what are no data.
        """
        self._distribution(unbiased)

    def log_weights(self, values: Any, unbiased: Unbiased) -> Tensor:
        """log w, w = p_unbiased / p_biased, of factors as they are drawn.

        Args:
            values: a tensor, array or list of values [..., F], as `draw` and `test_factors` of the data set give them.
            unbiased: the data set. Its factors alone stand for it where they are independent, each uniform over its
                values or N(0, 1); where rows are drawn that have factors, as CelebA's, a FactorTable of them does,
                the data set's `table`.

        Returns:
            float64 [...], on the values' device. Over biased draws the mean of w is the unbiased probability of what
            the bias draws: 1 unless it removes combinations.

        Raises:
            TypeError: for values that are no numbers, and what is no data set.
            ValueError: as `check`, for values out of range or of no row, and for those that the bias never draws: no
                weight makes up for what is missing. `support` tells which they are.
        """
        values = tensor_of("values", values)
        out = self._ratio(values, unbiased)
        outside = ~(out < math.inf)
        if bool(outside.any()):
            missing = values[tuple(outside.nonzero()[0])].tolist()
            raise ValueError(f"values must be ones that the bias draws, and it never draws {missing}")
        return out

    def weights(self, values: Any, unbiased: Unbiased) -> Tensor:
        """exp of `log_weights`. Raises ValueError as that, and where a weight is too large for float64."""
        out = self.log_weights(values, unbiased).exp()
        if bool((out == math.inf).any()):
            raise ValueError("values must have weights below 1.8e308, got one far outside the bias: use log_weights")
        return out

    def support(self, values: Any, unbiased: Unbiased) -> Tensor:
        """Whether the biased distribution gives each of the values [..., F] a positive probability, bool [...].

        Raises TypeError for values that are no numbers, ValueError as `check`, and for values out of range.
        """
        return self._ratio(tensor_of("values", values), unbiased) < math.inf

    def effective_share(self, unbiased: Unbiased) -> float:
        """How many unbiased samples a weighted biased one is worth, (E w)² / E w², in (0, 1].

        Of N biased samples the weights' effective sample size (Kish 1965) is about N times that; for a shift of one
        N(0, 1) by m it is exp(−m²). Raises ValueError as `check`.
        """
        return self._distribution(unbiased).effective_share()

    def to_dict(self) -> dict[str, Any]:
        """Plain data: {"name": …, "changes": [{"skew": {"factor": …, "strength": …}}, …]}; no name without a title."""
        changes = [{change.kind: change.plain()} for change in self.changes]
        return {**({} if self.title is None else {"name": self.title}), "changes": changes}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Bias":
        """Of such data. Raises TypeError and ValueError for other fields, kinds and values."""
        if not isinstance(given, Mapping):
            raise TypeError(f"bias must be a mapping with changes and, if you like, a name, got {given!r}")
        unknown = [str(field) for field in given if field not in ("name", "changes")]
        if unknown or "changes" not in given:
            raise ValueError(
                f"bias must have changes and may have a name, got {', '.join(map(str, given)) or 'neither'}"
            )
        changes = items_of(given["changes"])
        if changes is None:
            raise TypeError(f"changes must be a list, got {shown(given['changes'])}")
        return cls(*map(_change, changes), name=given.get("name"))

    def to_yaml(self) -> str:
        """`to_dict` as YAML."""
        import yaml  # here, since a machine that only trains or measures may lack it

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, default_flow_style=None)

    @classmethod
    def from_yaml(cls, text: str) -> "Bias":
        """Of YAML, which makes plain data only, whatever the text asks for.

        Raises TypeError for what is no text, ValueError for text that is no YAML, and as `from_dict`.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be YAML in a text, got {shown(text)}")
        import yaml

        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"bias must be YAML, got text that is not: {' '.join(str(error).split())}") from None
        return cls.from_dict(given)

    def _distribution(self, unbiased: Unbiased) -> GridDistribution | TableDistribution:
        table = unbiased if isinstance(unbiased, FactorTable) else getattr(unbiased, "table", None)
        if isinstance(table, FactorTable):
            return table.distribution(self.changes)
        return grid_distribution(factors_of_unbiased(unbiased), self.changes)

    def _ratio(self, values: Tensor, unbiased: Unbiased) -> Tensor:
        distribution = self._distribution(unbiased)
        if values.shape[-1:] != (len(distribution.factors),):
            raise ValueError(f"values must have shape [..., {len(distribution.factors)}], got {list(values.shape)}")
        return distribution.log_weights(values)


Bias.none = Bias()


def factors_of_unbiased(unbiased: Unbiased) -> tuple[Factor, ...]:
    """The factors of what a bias departs from. Raises TypeError for anything else."""
    return factors_from("unbiased", unbiased, "a data set, its factors or a FactorTable")


def effective_sample_size(weights: Any) -> Tensor:
    """How many samples of weight 1 weighted ones are worth, (Σ w)² / Σ w² (Kish 1965), of weights [..., N]: [...].

    Raises TypeError for what holds no numbers, ValueError for weights below 0, not finite, or without a positive sum.
    """
    found = tensor_of("weights", weights).double()
    if found.dim() < 1 or not bool((found >= 0).all() & found.isfinite().all() & (found.sum(-1) > 0).all()):
        raise ValueError("weights must be [..., N] finite numbers of at least 0 with a positive sum, got others")
    shares = found / found.amax(-1, keepdim=True)  # their squares are finite
    return shares.sum(-1).square() / shares.square().sum(-1)


def _made(changes: tuple[Change, ...], name: str | None) -> Bias:
    return Bias(*changes, name=name)


def _change(given: Any) -> Change:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise TypeError(f"changes must each be one kind with its fields, as {{skew: {{…}}}}, got {given!r}")
    ((kind, fields),) = given.items()
    if kind not in CHANGES:
        raise ValueError(f"changes must be of the kinds {', '.join(CHANGES)}, got {kind!r}")
    if not isinstance(fields, Mapping):
        raise TypeError(f"{kind} must have its fields by name, got {fields!r}")
    return CHANGES[kind].from_plain(fields)
