"""What training and studies ask of data with known generating factors."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor

from pyvae.data.arguments import Numbers

if TYPE_CHECKING:
    from pyvae.data.bias import Bias


class Factor(NamedTuple):
    """One generating factor: its name, how many values it takes, None where it is continuous, and whether these are
    kinds without an order, as sprites' shape.
    """

    name: str
    size: int | None = None
    nominal: bool = False


class Draw(NamedTuple):
    """Random images of K models, each with its own: factors [K, count, F] and images [K, count, size]."""

    factors: Tensor
    images: Tensor


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

        Raises TypeError and ValueError for other seeds and biases, ValueError for a count below 1.
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
