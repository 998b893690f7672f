"""The information that latents share, pair by pair, by histograms."""

import math

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index, spread, standardised
from pyvae.metrics.estimators.histogram import Bins, binned
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import is_few
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole
from pyvae.quantiles import NORMAL_975

BINS = 20


def mutual_information_score(
    codes: Codes | Rows | AggregatePosterior,
    *,
    bins: int = BINS,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""Mean mutual information in nats of two latents (Locatello et al. 2019), of discretised codes.

    .. math:: \frac{1}{D (D - 1)} \sum_{i \ne j} I(z_i; z_j)

    It takes no factors. By default bins hold equal shares of the points, so that monotone maps of a latent change
    nothing and one outlier next to nothing; equal values share a bin. What chance adds, (cells of two marginals less
    one each) / 2 N, is subtracted where the cells are fewer than a tenth of the points. It depends on `bins`.

    Args:
        codes: N codes of D latents, N >= 2.
        bins: of each latent, at least 2.
        protocol: "disentanglement_lib" takes bins of equal width, subtracts nothing and counts constant latents.
        seed: changes nothing: nothing is drawn.

    Returns:
        Measured, from 0 to log(bins); of the latents that are not constant, 0 where these are fewer than two. `parts`
        has `information` [D, D], with 0 on its diagonal, `active` [D], and `subtracted`, the mean of what was:
        0 of few points, where the interval is moved down by it instead.

    Raises:
        TypeError, ValueError: as Codes.means; ValueError for one point or one bin.
    """
    bins = whole("bins", bins, least=2)
    check_seed(seed)
    means = codes_of(codes).means
    columns = standardised(means)
    by_library = follows_library(protocol)
    active = spread("codes", columns)
    counted = np.ones_like(active) if by_library else active
    kind: Bins = "equal width" if by_library else "equal shares"
    cells = [binned(column, bins, kind) for column in means.T]
    information, chance, subtracted, row_terms = _pairs(cells, counted, corrects=not by_library)
    pairs = max(1, int(counted.sum()) * (int(counted.sum()) - 1))
    value = min(max(0.0, float(information.sum()) / pairs), math.log(bins))  # but for rounding
    low, high = _interval(value, row_terms / pairs, chance, subtracted, pairs, math.log(bins))
    settings = {
        "protocol": protocol,
        "bins": f"{bins} of {kind}",
        "corrected": not by_library,
    }
    parts = {"information": information, "active": active, "subtracted": float(subtracted.sum()) / pairs}
    return Measured(value, low, high, math.log(bins), settings, parts)


def _pairs(cells: list[Index], counted: npt.NDArray[np.bool_], *, corrects: bool) -> tuple[Array, Array, Array, Array]:
    """Information, what chance adds to it and what of that is subtracted, [D, D], and rows' summed log-ratios [N]."""
    latents, count = len(cells), len(cells[0])
    information, chance, subtracted = np.zeros((3, latents, latents))
    rows = np.zeros(count)
    marginals = [np.bincount(column) / count for column in cells]
    for i in np.flatnonzero(counted):
        for j in np.flatnonzero(counted[:i]):
            shape = len(marginals[i]), len(marginals[j])
            both = np.bincount(cells[i] * shape[1] + cells[j], minlength=shape[0] * shape[1]).reshape(shape) / count
            independent = marginals[i][:, None] * marginals[j]
            ratio = np.log(np.where(both > 0, both, 1.0) / np.where(both > 0, independent, 1.0))
            degrees = ((marginals[i] > 0).sum() - 1) * ((marginals[j] > 0).sum() - 1)
            added = degrees / (2 * count)
            chance[i, j] = chance[j, i] = added
            subtracted[i, j] = subtracted[j, i] = added if corrects and degrees < count / 10 else 0.0
            information[i, j] = information[j, i] = max(0.0, float((both * ratio).sum())) - subtracted[i, j]
            rows += 2 * ratio[cells[i], cells[j]]
    return information, chance, subtracted, rows


def _interval(
    value: float, terms: Array, chance: Array, subtracted: Array, pairs: int, most: float
) -> tuple[float, float]:
    """By the rows' log-ratios, to first order, and by the chi-squared of independent latents, whose terms vanish.

    It is moved down by what chance adds and the value still holds; few rows have all from 0 to `most`.
    """
    count = len(terms)
    if is_few(count):
        return 0.0, most
    null = 2 * float((chance / count).sum()) / pairs**2  # the variance of chi-squared is twice its degrees
    error = math.sqrt(float(terms.var()) / count + null)
    centre = max(0.0, value - float((chance - subtracted).sum()) / pairs)
    reach = NORMAL_975 * error
    return max(0.0, min(value, centre - reach)), min(most, max(value, centre + reach))
