"""Linear probes: what share of each factor's variance a linear map of the code predicts."""

import numpy as np
import torch

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.projection import least_squares
from pyvae.metrics.estimators.resampling import interval_of
from pyvae.metrics.estimators.split import Split, Test, split_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured


def linear_r2(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    test: Test | None = None,
    seed: int = 0,
) -> Measured:
    r"""The mean over factors of R^2 on held-out rows of least squares, at least 0 each.

    .. math:: R^2_k = 1 - \frac{\sum_n |v_{nk} - \hat v_{nk}|^2}{\sum_n |v_{nk} - \bar v_k|^2}

    with the map and the mean from the rows that are not held out. A factor counts as an amount, a nominal one as an
    indicator of each of its values, whose squares are summed.

    Args:
        codes: N codes of D latents.
        factors: [N] or [N, K], as they are.
        test: held-out codes and factors; by default a third of the rows is held out.
        seed: of the rows that are held out, and of the interval.

    Returns:
        Measured, from 0 to 1. `parts` has `r2` [K], below 0 where a map does worse than the mean.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a single point or a factor with one value.
    """
    split = split_of(codes, factors, test, seed)
    errors = _squared_errors(split)
    value = float(_score(errors.mean(0)))
    low, high = interval_of(_score, errors, seed, 0.0, 1.0)
    nominal = [split.factors.names[k] for k in sorted(split.factors.nominal)]
    settings = {"probe": "least squares", "one column for each value": nominal, **split.settings}
    return Measured(value, low, high, 1.0, settings, {"r2": _r2(errors.mean(0))})


def _squared_errors(split: Split) -> Array:
    """Of each held-out row and factor: the map's and the mean's, [T, K, 2]."""
    train, test = split.standardised()
    wanted, truth, starts = split.targets()
    fitted = least_squares(torch.from_numpy(train), torch.from_numpy(wanted))
    predicted = fitted.predict(torch.from_numpy(test)).numpy()
    squared = np.stack([np.square(truth - predicted), np.square(truth - wanted.mean(0))], -1)
    return np.asarray(np.add.reduceat(squared, starts, 1))


def _r2(means: Array) -> Array:
    """[..., K, 2] -> [..., K]; 0 where the mean has no error."""
    rest, total = means[..., 0], means[..., 1]
    return np.asarray(np.where(total > 0, 1 - rest / np.where(total > 0, total, 1.0), 0.0))


def _score(means: Array) -> Array:
    return np.asarray(np.clip(_r2(means), 0.0, 1.0).mean(-1))
