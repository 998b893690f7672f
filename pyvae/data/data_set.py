"""What training and studies ask of data with known generating factors."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor

from pyvae.data.arguments import Numbers, items_of, shown
from pyvae.ops.arguments import is_whole

if TYPE_CHECKING:
    from pyvae.data.bias import Bias


class Factor(NamedTuple):
    """One generating factor: its name, how many values it takes, None where it is continuous, and whether it is
    nominal: its values are kinds without an order, as sprites' shape or the colours of MPI3D's objects.

    Values that are equal steps of a quantity are in order, as sizes, angles and hues, also where the quantity ends
    where it began, as a full turn and the circle of hues do: it is cut before the first value. Probes take ordered
    factors for amounts and nominal ones value by value; biases go by the numbers of values, whatever these are.
    """

    name: str
    size: int | None = None
    nominal: bool = False


def factors_from(name: str, given: Any, expected: str = "a list of pyvae.data.Factor") -> tuple[Factor, ...]:
    """The factors of a list, or of what has `factors`. Raises TypeError, which says what was expected, for others."""
    found = items_of(getattr(given, "factors", given))
    if found is None or not all(isinstance(one, Factor) for one in found):
        raise TypeError(f"{name} must be {expected}, got {shown(given)}")
    for factor in found:
        named, sized = isinstance(factor.name, str), factor.size is None or (is_whole(factor.size) and factor.size > 0)
        if not (named and sized):
            raise TypeError(f"{name} must have texts as names and sizes of at least 1 or None, got {shown(factor)}")
    return tuple(found)


def combinations_of(numbers: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """The values [..., F] of combinations of their numbers [...] where the last factor is the fastest."""
    return torch.stack(torch.unravel_index(numbers, tuple(map(int, sizes))), -1)  # torch takes none of numpy's


class Draw(NamedTuple):
    """Random images of K models, each with its own: factors [K, count, F] and images [K, count, size]; and, of a data
    set that has a `count`, their rows of the test set, int64 [K, count].
    """

    factors: Tensor
    images: Tensor
    rows: Tensor | None = None


class DataSet(Protocol):
    """Images with known generating factors. Images are flat; K stacked models draw from streams of their own.

    Every random number comes from `pyvae.reparameterize` or another function of a seed, so that a model draws in a
    stack what it draws alone.
    """

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The F generating factors, in the order of every factor axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image before it is flattened: (height, width), or (3, height, width) in colour, which is flat channel
        by channel.
        """

    @property
    def size(self) -> int:
        """Numbers of an image, the product of `shape`."""

    @property
    def count(self) -> int | None:
        """How many different images there are; None where they never end."""

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the random streams that `draw` takes seeds of."""

    def images(self, factors: Numbers) -> Tensor:
        """The images of given factors without any noise: [..., F] -> [..., size], in [0, 1]; factors are a tensor, an
        array or lists.

        Raises TypeError for what holds no numbers, ValueError for another number of factors, and for values that no
        image has.
        """

    def draw(self, count: int, seeds: Mapping[str, Tensor], bias: "Bias | Sequence[Bias] | None" = None) -> Draw:
        """`count` random images for each of K models, as a training set gives them.

        seeds has an int64 tensor [K] for each of `streams`; images come on their device. `bias` says how the factors'
        distribution departs from the unbiased one: one for all models, one for each, or None. Some data sets take more.

        Raises TypeError and ValueError for other seeds, biases and counts.
        """

    def test_factors(self) -> Tensor:
        """The factors [N, F] of the unbiased test set, in a fixed order."""

    def labels(self) -> Tensor:
        """The number of each factor's value in `test_factors`, int64 [N, F]: what metrics take."""

    def test_images(self, rows: Numbers) -> Tensor:
        """The images [..., size] of rows [...] of the test set, a tensor, an array or lists. Where several images have
        the same factors, as those of one digit, these do not tell which is meant.

        Raises TypeError for other than whole numbers, ValueError for rows out of range.
        """
