"""The generating factors of a data set, as every metric takes them."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pyvae.aggregate.tables import Labels, numbers
from pyvae.metrics.estimators.equal_shares import ordered_shares
from pyvae.ops.arguments import is_whole

BINS = 20
"""Of a continuous factor, where a metric needs classes."""

# Values this near to 0 are counted, not sorted: 38 ms of one core instead of 109 for five factors of 737 280 points.
_COUNTED = 2**16


class Factors:
    """The values of K factors at N data points.

    Args:
        values: numbers [N] or [N, K], a column for each factor: a tensor, an array, a list, or the path of a .npy file.
            A column of whole numbers, 2.0 as well as 2, holds labels; a column with any other number is continuous.
        names: K names for tables; "factor 0" and so on without them.
        nominal: numbers or names of factors whose values are kinds without an order, as sprites' shape: a probe never
            takes them for amounts.

    A continuous factor becomes `BINS` classes with as many points each where a metric needs classes; a value that alone
    fills a bin's share, as an atom of zeros does, has a bin of its own.

    Raises:
        TypeError: for values that are no numbers, and a `nominal` that holds no numbers and names.
        ValueError: for values of another shape, NaN and infinity, and names that do not fit.
    """

    def __init__(self, values: Labels, names: Sequence[str] | None = None, nominal: Iterable[int | str] = ()) -> None:
        found = numbers("factors", values)
        if found.ndim not in (1, 2) or 0 in found.shape:
            raise ValueError(f"factors must have the shape [N] or [N, K], got {list(found.shape)}.")
        columns = found.reshape(len(found), -1)
        if columns.dtype.kind == "f" and not np.isfinite(columns).all():
            row = int(np.flatnonzero(~np.isfinite(columns).all(1))[0])
            raise ValueError(f"factors must be finite, got a NaN or an infinity in row {row}.")
        self._columns = columns
        self.names = _names(names, columns.shape[1])
        if isinstance(nominal, Tensor | np.ndarray):
            nominal = nominal.tolist()
        if isinstance(nominal, str) or not isinstance(nominal, Iterable):
            raise TypeError(f"nominal must be a list of numbers or names of factors, got {nominal!r}.")
        self.nominal = frozenset(_number(factor, self.names) for factor in nominal)
        self.continuous = tuple(bool(_is_continuous(column)) for column in columns.T)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def count(self) -> int:
        """K."""
        return self._columns.shape[1]

    @cached_property
    def values(self) -> npt.NDArray[np.float64]:
        """The factors as they were given, [N, K]."""
        return self._columns.astype(np.float64)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """The number of each value among those that occur, in ascending order, and of each bin, [N, K] from 0."""
        columns = zip(self._columns.T, self.continuous, strict=True)
        return np.stack([_classes(column) if continuous else _numbered(column) for column, continuous in columns], 1)

    @property
    def whole_numbers(self) -> npt.NDArray[np.integer[Any]]:
        """The factors as they were given, [N, K], if all are of an integer type, which takes no pass; else `labels`."""
        return self._columns if self._columns.dtype.kind in "iu" else self.labels

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many classes of each factor occur."""
        return tuple(int(size) for size in self.labels.max(0) + 1)

    @cached_property
    def entropies(self) -> npt.NDArray[np.float64]:
        """H(v_k) in nats of the classes' frequencies, [K]; 0 for a factor with one class."""
        shares = [np.bincount(column) / len(self) for column in self.labels.T]
        return np.array([max(0.0, -float((share * np.log(share)).sum())) for share in shares])

    def check_varied(self) -> None:
        """Raises ValueError for a factor with one value, of which nothing can be told."""
        some = self._columns[:: max(1, len(self) // 1000)]  # of most data sets they tell, at a thousandth of the time
        for rows in (some, self._columns):
            is_varied = rows.min(0) != rows.max(0)
            if is_varied.all():
                return
        name = self.names[int(is_varied.argmin())]
        raise ValueError(f"factors must hold at least two values of each factor, got one of {name}.")

    def take(self, rows: npt.NDArray[np.integer]) -> "Factors":
        """The same factors at some of the points."""
        return Factors(self._columns[rows], self.names, self.nominal)


def factors_of(factors: Factors | Labels, count: int) -> Factors:
    """`factors`, or Factors of what stands for them, of `count` data points.

    Raises:
        TypeError, ValueError: as Factors, and ValueError for another number of points.
    """
    found = factors if isinstance(factors, Factors) else Factors(factors)
    if len(found) != count:
        raise ValueError(f"factors must have a row for each of the {count} codes, got {len(found)}.")
    return found


def _classes(column: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    return ordered_shares(column.astype(np.float64), BINS)


def _numbered(column: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """The number of each value among those that occur."""
    least, most = column.min(), column.max()
    if not -_COUNTED < int(least) <= int(most) < _COUNTED:
        return np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int64)
    places = column.astype(np.int64) - int(least)
    numbers = np.cumsum(np.bincount(places) > 0) - 1
    return np.asarray(numbers[places], dtype=np.int64)


def _is_continuous(column: npt.NDArray[np.generic]) -> bool:
    return column.dtype.kind == "f" and bool((column != np.floor(column)).any())


def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"factor {k}" for k in range(count))
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"names must be a list of names of factors, got {names!r}.")
    names = list(names)
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"names must hold {count} different names, one for each factor, got {names}.")
    return tuple(names)


def _number(factor: int | str, names: Sequence[str]) -> int:
    if isinstance(factor, str) and factor in names:
        return names.index(factor)
    if is_whole(factor) and 0 <= int(factor) < len(names):
        return int(factor)
    wrong = ValueError if isinstance(factor, str) or is_whole(factor) else TypeError
    raise wrong(f"nominal must hold numbers or names of factors among {', '.join(names)}, got {factor!r}.")
