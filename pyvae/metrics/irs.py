"""The interventional robustness score: how far a latent moves when other factors than its own change."""

from typing import NamedTuple

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index, standardised
from pyvae.metrics.estimators.equal_width import equal_width
from pyvae.metrics.estimators.jackknife import jackknife
from pyvae.metrics.estimators.numbers import share
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured

QUANTILE = 0.99
BINS = 20


class _Robustness(NamedTuple):
    """`score`, the mean of the best of `matrix` [D, K] by the weights of the latents' greatest deviations."""

    score: float
    matrix: Array


def irs(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    quantile: float = QUANTILE,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""Interventional robustness score of Suter et al. (2019), of codes and their factors.

    .. math::
        \mathrm{IRS}_{dk} = 1 - \frac{\sum_v p(v)\, Q_{q}(|z_d - E[z_d | v_k = v]| \mid v_k = v)}{\max |z_d - E z_d|},
        \qquad \mathrm{IRS} = \frac{\sum_d w_d \max_k \mathrm{IRS}_{dk}}{\sum_d w_d}, \quad w_d = \max |z_d - E z_d|

    The paper's deviation is the largest, quantile = 1; 0.99 is less moved by single points and is what is in use. Noise
    scores well above 0, the more the heavier its tails: compare with `noise` of `parts`.

    Args:
        codes: N codes of D latents. Scaling one latent changes its weight.
        factors: [N] or [N, K]; a continuous factor is binned.
        quantile: of the deviations at one value of a factor, from 0 to 1.
        protocol: "disentanglement_lib" puts factors in 20 bins of equal width, which merge values of a factor with
            more, and weighs values equally, whatever their frequency.
        seed: of the permutations that `noise` and the interval come from.

    Returns:
        Measured, from 0 to 1; 0 for constant codes. The interval is a jackknife's over ten groups of rows; it
        speaks of so many rows: the greatest deviation grows with N, and with it most scores: compare equal N. `parts`
        has `matrix` [D, K], `parents` [D], the factor that each latent follows most, and `noise`: the score of the same
        latents with their rows permuted, which tells nothing of any factor.

    Raises:
        TypeError, ValueError: as Codes.means and Factors; ValueError for a quantile out of range.
    """
    quantile = share("quantile", quantile)
    means = codes_of(codes).means
    found = factors_of(factors, len(means))
    rng = np.random.default_rng(check_seed(seed))
    by_library = follows_library(protocol)
    labels = np.stack([equal_width(c, BINS) for c in found.values.T], 1) if by_library else found.labels
    columns = standardised(means)
    live = columns.values[:, columns.varies]
    units = columns.std[columns.varies] / columns.std.max() if live.size else columns.std[:0]

    def robustness(rows: Index) -> float:
        return _robustness(live[rows], units, labels[rows], quantile, by_library).score

    whole = _robustness(live, units, labels, quantile, by_library)
    matrix = np.zeros((means.shape[1], labels.shape[1]))
    matrix[columns.varies] = whole.matrix
    low, high = jackknife(robustness, whole.score, len(means), rng, 0.0, 1.0)
    noise = _robustness(rng.permuted(live, axis=0), units, labels, quantile, by_library).score
    settings = {"protocol": protocol, "quantile": quantile, "seed": seed}
    parts = {"matrix": matrix, "parents": matrix.argmax(1), "noise": noise, "active": columns.varies}
    return Measured(whole.score, low, high, 1.0, settings, parts)


def _robustness(values: Array, units: Array, labels: Index, quantile: float, by_library: bool) -> _Robustness:
    """Of standardised codes [N, D], whose scales are `units` [D]."""
    largest = np.abs(values - values.mean(0)).max(0, initial=0.0)
    deviations = np.stack([_deviations(values, column, quantile, by_library) for column in labels.T], 1)
    matrix = 1 - deviations / np.where(largest > 0, largest, np.inf)[:, None]
    matrix[largest == 0] = 0.0
    np.clip(matrix, 0.0, 1.0, out=matrix)
    weights = largest * units
    best = matrix.max(1)
    return _Robustness(float(best @ weights / weights.sum()) if weights.sum() > 0 else 0.0, matrix)


def _deviations(values: Array, labels: Index, quantile: float, equally: bool) -> Array:
    """The mean over a factor's values of the quantile of deviations at that value, [D]."""
    counts = np.bincount(labels)
    few = labels.astype(np.uint16) if len(counts) <= 2**16 else labels  # numpy sorts 16 bits by radix
    order = np.argsort(few, kind="stable")
    ends = counts.cumsum()
    total = np.zeros(values.shape[1])
    for count, end in zip(counts[counts > 0], ends[counts > 0], strict=True):
        here = values[order[end - count : end]]
        far = np.quantile(np.abs(here - here.mean(0)), quantile, axis=0)
        total += far if equally else far * count
    return np.asarray(total / ((counts > 0).sum() if equally else len(labels)))
