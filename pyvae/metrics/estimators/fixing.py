"""Batches of codes that share the value of one factor: from the rows that are given, or drawn and encoded on demand."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.data import DataSet
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.factors import Factors, factors_of
from pyvae.progress import progress_bar

Encoder: TypeAlias = Callable[[Tensor], Any]

# Of votes at a time: 1.3 MB of codes with 64 rows of ten latents stay in cache.
CHUNK = 256

# Of a value with this many times a batch's rows a batch that is drawn with replacement seldom holds a row often: what
# it holds twice is drawn again. Of fewer all rows are shuffled.
_SPARSE = 4


class Batches(NamedTuple):
    """Of V batches: which factor each holds [V], its features [V, F] or [V], and which of the given rows it is made of
    [V, rows], None of what was drawn and encoded for it alone.
    """

    factor: Index
    features: Array
    rows: Index | None


class Source(Protocol):
    """Where batches come from."""

    names: tuple[str, ...]

    @property
    def replacement(self) -> bool:
        """Whether a row may be in a batch twice."""

    @property
    def groups(self) -> Index | None:
        """Of given rows the number of each row's value of each factor that can be held [N, K], none twice, or -1."""

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Codes [count or more, D] of unbiased points, to know each latent's spread by."""

    def sharing(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, Index | None]:
        """For each of V factors a batch of codes that share its value, [V, batch, D], and their rows [V, batch]."""

    def pairs(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, Array, Index | None]:
        """For each of V factors a batch of pairs that share its value, two [V, batch, D], and rows [V, 2 batch]."""


class GivenRows:
    """Codes [N, D] and their factors: a value as often as it occurs, and rows that have it.

    No row is twice in a batch, or in a pair: a batch is what one of rows drawn anew would be, and is not taken for less
    varied than it is. Where a value has fewer rows than a batch they are drawn with `replacement`, as all are if it is
    asked for. A value that only one row has cannot be held while others vary, and is passed over; so is a factor with
    one value.
    """

    def __init__(self, codes: Array, factors: Factors, *, replacement: bool = False) -> None:
        self.codes, self.replacement = codes, replacement
        # For each factor: the rows in the order of its values, and of each such row the start and size of its value.
        self._held = []
        names: list[str] = []
        groups: list[Index] = []
        for name, labels in zip(factors.names, factors.labels.T, strict=True):
            counts = np.bincount(labels)
            order = np.argsort(labels, kind="stable")
            starts, sizes = np.repeat(counts.cumsum() - counts, counts), np.repeat(counts, counts)
            usable = np.flatnonzero(sizes > 1)
            if len(counts) > 1 and len(usable):
                self._held.append((order, starts[usable], sizes[usable], usable))
                names.append(name)
                groups.append(np.where(counts[labels] > 1, labels + sum(int(g.max()) + 1 for g in groups[-1:]), -1))
        if not names:
            raise ValueError("factors must have one with two values or more, of which one occurs twice, got none.")
        self.names, self.groups = tuple(names), np.stack(groups, 1)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        return self.codes

    def sharing(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, Index]:
        rows = np.empty((len(factor), batch), dtype=np.int64)
        among = _among if self.replacement else _distinct_among
        for k, (order, starts, sizes, usable) in enumerate(self._held):
            asked = np.flatnonzero(factor == k)
            value = rng.integers(len(usable), size=(len(asked), 1))
            rows[asked] = order[among(starts[value], sizes[value], (len(asked), batch), rng)]
        return self.codes[rows], rows

    def pairs(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, Array, Index]:
        rows = np.empty((len(factor), 2, batch), dtype=np.int64)
        for k, (order, starts, sizes, usable) in enumerate(self._held):
            asked = np.flatnonzero(factor == k)
            value = rng.integers(len(usable), size=(len(asked), batch))
            rows[asked, 0] = order[usable[value]]
            if self.replacement:
                second = _among(starts[value], sizes[value], value.shape, rng)
            else:  # any row but the first
                further = 1 + _among(np.zeros_like(value), sizes[value] - 1, value.shape, rng)
                second = starts[value] + (usable[value] - starts[value] + further) % sizes[value]
            rows[asked, 1] = order[second]
        return self.codes[rows[:, 0]], self.codes[rows[:, 1]], rows.reshape(len(factor), -1)


def _among(starts: Index, sizes: Index, shape: tuple[int, ...], rng: np.random.Generator) -> Index:
    return starts + (rng.random(shape) * sizes).astype(np.int64)


def _distinct_among(starts: Index, sizes: Index, shape: tuple[int, int], rng: np.random.Generator) -> Index:
    """`shape[1]` different places from each start [V, 1] among so many [V, 1]; equal ones where there are too few."""
    out = _among(starts, sizes, shape, rng)
    batch, size = shape[1], sizes[:, 0]
    few = np.flatnonzero((size >= batch) & (size < _SPARSE * batch))
    if len(few):
        keys = rng.random((len(few), _SPARSE * batch))
        keys[np.arange(keys.shape[1]) >= sizes[few]] = np.inf
        out[few] = starts[few] + np.argpartition(keys, batch - 1, 1)[:, :batch]
    again = np.flatnonzero(size >= _SPARSE * batch)
    while len(again):
        held = np.sort(out[again], 1)
        twice = np.zeros(held.shape, dtype=bool)
        twice[:, 1:] = held[:, 1:] == held[:, :-1]
        again, held, twice = (part[twice.any(1)] for part in (again, held, twice))
        out[again] = np.where(twice, _among(starts[again], sizes[again], held.shape, rng), held)
    return out


class Encoded:
    """Codes of images that a data set makes: each factor is drawn from its values in the unbiased test set, alone."""

    groups, replacement = None, False

    def __init__(self, encoder: Encoder, data_set: DataSet) -> None:
        self._encoder, self._data_set = encoder, data_set
        self._values = data_set.test_factors()
        self._usable = [k for k, column in enumerate(self._values.T) if len(column.unique()) > 1]
        if not self._usable:
            raise ValueError("factors must be a data set that has one with two values or more, got none.")
        self.names = tuple(data_set.factors[k].name for k in self._usable)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        parts = [self._encode(self._draw((n,), rng)) for n in _parts(count, CHUNK * 16)]
        return np.concatenate(parts)

    def sharing(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, None]:
        drawn = self._draw((len(factor), batch), rng)
        for row, k in enumerate(factor):
            drawn[row, :, self._usable[k]] = drawn[row, 0, self._usable[k]]
        return self._encode(drawn), None

    def pairs(self, factor: Index, batch: int, rng: np.random.Generator) -> tuple[Array, Array, None]:
        first, second = self._draw((len(factor), batch), rng), self._draw((len(factor), batch), rng)
        for row, k in enumerate(factor):
            second[row, :, self._usable[k]] = first[row, :, self._usable[k]]
        return self._encode(first), self._encode(second), None

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
        count, factors = self._values.shape
        rows = torch.from_numpy(rng.integers(count, size=(*shape, factors))).to(self._values.device)
        return self._values[rows, torch.arange(factors, device=self._values.device)]

    def _encode(self, factors: Tensor) -> Array:
        flat = factors.reshape(-1, factors.shape[-1])
        images = self._data_set.images(flat)
        try:
            with torch.no_grad():
                found = self._encoder(images)
        except RuntimeError as error:
            first = str(error).partition("\n")[0]
            raise ValueError(
                f"codes must be an encoder of the data set's images, {list(images.shape)}, got the error {first!r}."
            ) from error
        if isinstance(found, tuple) and len(found) == 2:
            found = found[0]
        if isinstance(found, Tensor) and found.dim() == 3 and len(found) == 1:
            found = found[0]  # a stack of one model
        if not isinstance(found, Tensor) or found.dim() != 2 or len(found) != len(flat) or not found.shape[1]:
            raise ValueError(
                f"codes must be an encoder that gives means [B, D] or (mu, logvar) of {len(flat)} images, "
                f"got {_said(found)}."
            )
        codes = found.detach().double().cpu().numpy()
        if not np.isfinite(codes).all():
            raise ValueError("codes must be an encoder that gives finite means, got a NaN or an infinity.")
        return codes.reshape(*factors.shape[:-1], -1)


def _said(found: object) -> str:
    return f"the shape {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__


def source_of(
    codes: Codes | Rows | AggregatePosterior | Encoder,
    factors: Factors | Labels | DataSet,
    *,
    replacement: bool = False,
) -> Source:
    """Batches of codes with their factors, or of an encoder with a data set.

    Raises:
        TypeError, ValueError: as Codes.means and Factors, and for an encoder without a data set or the reverse.
    """
    encodes, draws = callable(codes) and not isinstance(codes, Codes | Tensor), hasattr(factors, "test_factors")
    if encodes != draws:
        got = "an encoder and no data set" if encodes else "a data set and no encoder"
        raise TypeError(
            f"codes and factors must be codes with their factors, or an encoder with a data set, got {got}."
        )
    if encodes:
        return Encoded(codes, factors)  # type: ignore[arg-type]
    means = codes_of(codes).means  # type: ignore[arg-type]
    return GivenRows(means, factors_of(factors, len(means)), replacement=replacement)  # type: ignore[arg-type]


def batches(
    source: Source,
    counts: tuple[int, ...],
    rng: np.random.Generator,
    features: Callable[[Index, np.random.Generator], tuple[Array, Index | None]],
    *,
    what: str,
    progress: bool,
) -> list[Batches]:
    """As many batches as each of `counts` says; `features` gives what is kept of some, and their rows."""
    out = []
    with progress_bar(what, sum(len(_parts(count, CHUNK)) for count in counts), shown=progress) as done:
        for count in counts:
            factor = rng.integers(len(source.names), size=count)
            found, rows = [], []
            for part in _slices(count):
                kept, of_rows = features(factor[part], rng)
                found.append(kept)
                rows.append(of_rows)
                done()
            known = [part for part in rows if part is not None]
            out.append(Batches(factor, np.concatenate(found), np.concatenate(known) if known else None))
    return out


def _parts(count: int, size: int) -> list[int]:
    return [min(size, count - first) for first in range(0, count, size)]


def _slices(count: int) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, count, CHUNK))
