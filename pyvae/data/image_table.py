"""Images in an array, with or without factors: what every reader of files is."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pyvae.data.arguments import Numbers, factors_of, numbers_of, rows_of, seeds_of, shown, tensor_of
from pyvae.data.bias import Biases, FactorTable, draw_factors, draw_rows
from pyvae.data.data_set import Draw, Factor, factors_from
from pyvae.data.formats.pixels import Pixels


class ImageTable:
    """Images with a row of factor values each, which may be anything: rows may be alike, and combinations missing.

    Args:
        pixels: the N images.
        values: the factors of each, [N, F]; F may be 0.
        factors: their names, sizes and kinds.

    Raises TypeError for arguments of another type, ValueError for ones that do not fit each other.

    Images are gathered from their array and brought to float32 in [0, 1] when they are asked for; those of several
    channels are flat channel by channel, as `pyvae.nn.StackedConvVAE` takes them.
    """

    def __init__(self, pixels: Pixels, values: Tensor, factors: Sequence[Factor]) -> None:
        self._pixels, self._values = pixels, tensor_of("values", values)
        self._factors = factors_from("factors", factors)
        if not isinstance(pixels, Pixels):
            raise TypeError(f"pixels must be pyvae.data.formats.pixels.Pixels, got {shown(pixels)}")
        if self._values.dim() != 2 or self._values.shape[1] != len(self._factors):
            raise ValueError(f"values must have shape [N, {len(self._factors)}], got {list(self._values.shape)}")
        if len(pixels) != len(self._values):
            raise ValueError(f"pixels must hold {len(self._values)} images, one for each row, got {len(pixels)}")

    def __repr__(self) -> str:
        factors = ", ".join(f"{name} {size}" if size else name for name, size, _ in self.factors)
        shape = " x ".join(map(str, self.shape))
        return f"{type(self).__name__}({self.count} images, {shape}, {factors or 'no factors'})"

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Names, sizes and kinds of the factors; empty where there are none."""
        return self._factors

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image: (height, width), or (3, height, width) in colour."""
        return self._pixels.shape

    @property
    def table(self) -> FactorTable | None:
        """What biases of these images depart from: the labels of all of them, each image as likely."""
        return self._table

    @property
    def size(self) -> int:
        """Numbers of an image."""
        return math.prod(self.shape)

    @property
    def count(self) -> int:
        """N."""
        return len(self._pixels)

    @property
    def streams(self) -> tuple[str, ...]:
        """The factors alone: images have no noise."""
        return ("factors",)

    def images(self, factors: Numbers) -> Tensor:
        """The first image of each combination of factors [..., F] -> [..., size]; `test_images` has all of them.

        Raises TypeError for what holds no numbers, ValueError for another number of factors, and for a combination that
        no image has.
        """
        factors = factors_of(factors, len(self.factors))
        if not self.factors:
            return self.test_images(torch.zeros(factors.shape[:-1], dtype=torch.int64, device=factors.device))
        combinations, firsts = self._combinations
        asked = np.ascontiguousarray(factors.reshape(-1, len(self.factors)).detach().double().cpu().numpy() + 0.0)
        keys = asked.view([("", np.float64)] * len(self.factors)).reshape(-1)
        places = np.searchsorted(combinations, keys).clip(max=len(combinations) - 1)
        missing = np.flatnonzero(combinations[places] != keys)
        if len(missing):
            raise ValueError(f"factors must be those of an image, got {asked[missing[0]].tolist()}, which none has")
        return self.test_images(torch.from_numpy(firsts[places]).reshape(factors.shape[:-1]).to(factors.device))

    def test_images(self, rows: Numbers) -> Tensor:
        """The images [..., size] of rows [...] of `test_factors`.

        Raises TypeError for other than whole numbers, ValueError for rows out of range.
        """
        return self._take(rows_of(rows, self.count))

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: Biases = None) -> Draw:
        """`count` random rows for each of K models, with replacement, all as likely but for `bias`: a
        `pyvae.data.Bias`, one for each model, or weights of values by name.

        Raises ValueError for a count below 1, a bias that does not fit the factors, and any of images without factors,
        TypeError for a count that is no whole number, TypeError and ValueError for seeds that are no int64 tensor [K].
        """
        (row_seeds,) = seeds_of(seeds, self.streams)
        if bias is not None and not self.factors:
            raise ValueError("bias must be None for images without factors, got one")
        rows = draw_rows(self._table, count, row_seeds, bias)
        return Draw(self._values.to(rows.device)[rows], self._take(rows), rows)

    def test_factors(self) -> Tensor:
        """The factors [N, F] of all images, in the order of the file."""
        return self._values.clone()

    def labels(self) -> Tensor:
        """The number of each factor's value, int64 [N, F]: itself where values are numbers below the factor's size, its
        place among those that occur elsewhere.
        """
        columns = [_labels(column, size) for column, (_, size, _) in zip(self._values.T, self.factors, strict=True)]
        return torch.stack(columns, -1) if columns else torch.zeros(self.count, 0, dtype=torch.int64)

    def _take(self, rows: Tensor) -> Tensor:
        return self._pixels.take(rows)

    @cached_property
    def _combinations(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Every combination that occurs, in ascending order, and the first row that has it."""
        values = np.ascontiguousarray(self._values.numpy().astype(np.float64) + 0.0)  # -0 is 0
        keys = values.view([("", np.float64)] * len(self.factors)).reshape(-1)
        found, firsts = np.unique(keys, return_index=True)
        return found, firsts.astype(np.int64)

    @cached_property
    def _table(self) -> FactorTable:
        """What draws find rows in."""
        return FactorTable(self.factors, self.labels(), self._values)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is prepared for draws, which another process prepares anew."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}


class ImageGrid(ImageTable):
    """One image for each combination of factors, which are numbers of values from 0.

    Args:
        pixels: the images.
        factors: whose sizes multiply to the number of images.
        order: the row of each combination, the last factor fastest; without it they are in this order.

    Raises TypeError for arguments of another type, ValueError for another number of images or rows.
    """

    def __init__(self, pixels: Pixels, factors: Sequence[Factor], order: npt.NDArray[np.integer] | None = None) -> None:
        self._sizes = tuple(factor.size or 1 for factor in factors_from("factors", factors))
        self._order = None if order is None else torch.from_numpy(np.ascontiguousarray(order, dtype=np.int64))
        # A factor's value counts as many combinations as the later factors have.
        self._strides = torch.tensor([math.prod(self._sizes[k + 1 :]) for k in range(len(self._sizes))])
        count = math.prod(self._sizes)
        if order is not None and len(order) != count:
            raise ValueError(f"order must hold {count} rows, one for each combination, got {len(order)}")
        # Values are the numbers of combinations, which nobody has to keep.
        super().__init__(pixels, torch.zeros(()).expand(count, len(self._sizes)), factors)

    @property
    def table(self) -> None:
        """None: the factors are independent."""

    def images(self, factors: Numbers) -> Tensor:
        """The images [..., size] of whole factors [..., F].

        Raises TypeError for what holds no numbers, ValueError for another number of factors, values out of range and
        fractions.
        """
        return self._take(self._numbers(numbers_of(factors, self._sizes)))

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: Biases = None) -> Draw:
        """`count` random images for each of K models, factors uniform and independent but for `bias`: a
        `pyvae.data.Bias`, one for each model, or weights of values by name.

        Raises ValueError for a count below 1, and a bias that does not fit the factors, TypeError for a count that is
        no whole number, TypeError and ValueError for seeds that are no int64 tensor [K].
        """
        (factor_seeds,) = seeds_of(seeds, self.streams)
        factors = draw_factors(self.factors, count, factor_seeds, bias)
        rows = self._numbers(factors)
        return Draw(factors, self._take(rows), rows)

    def test_factors(self) -> Tensor:
        """Every combination of factors, the last fastest."""
        return self.labels()

    def labels(self) -> Tensor:
        """The same: factors are numbers of values."""
        return torch.cartesian_prod(*map(torch.arange, self._sizes)).reshape(-1, len(self._sizes))

    def _numbers(self, factors: Tensor) -> Tensor:
        """The number of each combination, in the order of `test_factors`."""
        return (factors.long() * self._strides.to(factors.device)).sum(-1)

    def _take(self, rows: Tensor) -> Tensor:
        return super()._take(rows if self._order is None else self._order.to(rows.device)[rows])


def grid_factors(names: Sequence[str], sizes: Sequence[int], nominal: Sequence[str] = ()) -> tuple[Factor, ...]:
    """Factors of a grid."""
    return tuple(Factor(name, size, name in nominal) for name, size in zip(names, sizes, strict=True))


def _labels(column: Tensor, size: int | None) -> Tensor:
    if size is not None and not column.is_floating_point() and bool(((column >= 0) & (column < size)).all()):
        return column.long()
    labels: Tensor = torch.unique(column, return_inverse=True)[1]
    return labels


def ranks(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The number of each value among those that occur, in ascending order."""
    return np.unique(column, return_inverse=True)[1].astype(np.int64)
