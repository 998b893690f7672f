"""Explicitness by the capacity that a probe needs, and size: what DCI-ES adds to DCI."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.resampling import interval, resampled
from pyvae.metrics.estimators.split import Split, Test, split_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured
from pyvae.progress import progress_bar

FEATURES = (0, 16, 32, 64, 128, 256, 512, 1024)
"""Random features of each probe beside the code itself."""

RIDGE = 1e-4
"""Of a row, on standardised inputs: what keeps the largest probes from rounding."""

ROWS_PER_FEATURE = 4
SURE = 3.0
"""Standard errors by which a best loss has to be below that of the mean, or nothing is told of the factor."""


class DCIES(NamedTuple):
    """`explicitness`, from -1 to 1, and `size`, factors for each latent."""

    explicitness: Measured
    size: Measured


def dci_es(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    test: Test | None = None,
    seed: int = 0,
    progress: bool = False,
) -> DCIES:
    r"""Explicitness and size of Eastwood et al. (2023, arXiv 2210.00364); D, C and I are those of `dci`.

    .. math::
        E_k = 1 - \frac{\sum_{t=2}^{T} (\kappa_t - \kappa_{t-1}) (l_{t-1} + l_t - 2 l^*) / 2}
                       {(\kappa_T - \kappa_1) (l_b - l^*) / 2}, \qquad S = \frac K D

    the area under the loss-capacity curve over that of a triangle. l_t is the least loss that a probe of capacity
    kappa_1 to kappa_t reaches for factor k, l^* the least of all, and l_b the loss of the training rows' mean: E is 1
    where the least probe is the best, 0 where losses fall in a straight line from l_b, and below where they fall later.
    The probes here are least squares on the code and a growing number of random Fourier features cos(w z + b) of it,
    their capacity is the log of the number of inputs, as the authors' code has it of such probes, and a loss is the
    mean squared error on held-out rows; a nominal factor is an indicator of each of its values. Another family of
    probes is another scale: compare what `settings` calls equal.

    The authors' code divides by l_b instead of l_b - l^*. A factor that no probe tells then has E = 1; here it has 0.

    Args:
        codes: N codes of D latents, standardised.
        factors: [N] or [N, K], as they are.
        test: held-out codes and factors; by default a third of the rows is held out.
        seed: of the rows that are held out, of the features, and of the interval.
        progress: whether to show a bar on standard error.

    Returns:
        DCIES. `explicitness` is the mean of E_k, from -1 to 1 each, and 0 of a factor of which nothing is told; `parts`
        has `explicitness` [K], `losses` [T, K] as shares of l_b, and `capacities` [T]. `size` is exact.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value and for fewer than 64 rows
            to learn from, 96 in all where a third is held out: one capacity has no area.
    """
    split = split_of(codes, factors, test, seed)
    features = _features(len(split.train.codes))
    errors = _errors(split, features, seed, progress)
    told, capacities = _is_told(errors), np.log(split.train.codes.shape[1] + np.array(features))

    def score(means: Array) -> Array:
        return np.asarray(_explicitness(means, capacities, told).mean(-1))

    means = errors.mean(0)
    value = float(score(means))
    low, high = interval(value, score(resampled(errors, seed)), -1.0, 1.0, rows=len(errors))
    said = f"least squares, the code and {', '.join(map(str, features))} random Fourier features"
    settings = {"probe": said, "capacity": "log of inputs", "ridge": RIDGE, **split.settings}
    losses = means[1:] / np.where(means[0] > 0, means[0], 1.0)
    parts = {"explicitness": _explicitness(means, capacities, told), "losses": losses, "capacities": capacities}
    size = split.factors.count / split.train.codes.shape[1]
    return DCIES(
        Measured(value, low, high, 1.0, settings, parts),
        Measured(size, size, size, max(1.0, size), {"size": "factors over latents"}),
    )


def _features(rows: int) -> tuple[int, ...]:
    """How many random features the probes have that so many rows can teach."""
    least = FEATURES[1] * ROWS_PER_FEATURE
    if rows < least:
        raise ValueError(f"codes must hold at least {least} rows to learn from, for probes of two sizes, got {rows}.")
    return tuple(count for count in FEATURES if count * ROWS_PER_FEATURE <= rows)


def _errors(split: Split, features: tuple[int, ...], seed: int, progress: bool) -> Array:
    """Squared errors of held-out rows, of the mean and of each probe, [T, 1 + probes, K]."""
    rng = np.random.default_rng(seed)
    latents = split.train.codes.shape[1]
    # Frequencies of standardised codes that vary about once across their bulk, whatever their number.
    frequencies = rng.normal(size=(latents, features[-1])) / np.sqrt(latents)
    shifts = rng.uniform(0, 2 * np.pi, size=features[-1])
    train, test = (np.concatenate([z, np.cos(z @ frequencies + shifts)], 1) for z in split.standardised())
    wanted, truth, starts = split.targets()
    means = train.mean(0), wanted.mean(0)
    inputs, found = train - means[0], [np.square(truth - means[1])]
    # The factor of a part of the inputs is the same part of the factor of all.
    factor = np.linalg.cholesky(inputs.T @ inputs / len(inputs) + RIDGE * np.eye(inputs.shape[1]))
    cross = inputs.T @ (wanted - means[1]) / len(inputs)
    with progress_bar("probes", len(features), shown=progress) as done:
        for count in features:
            used = latents + count
            part = factor[:used, :used]
            weight = np.linalg.solve(part.T, np.linalg.solve(part, cross[:used]))
            found.append(np.square(truth - means[1] - (test[:, :used] - means[0][:used]) @ weight))
            done()
    return np.stack([np.add.reduceat(squared, starts, 1) for squared in found], 1)


def _is_told(errors: Array) -> npt.NDArray[np.bool_]:
    """Of which factors a probe tells something beyond chance, [K]."""
    best = errors[:, 1:].mean(0).argmin(0)
    gains = errors[:, 0] - np.take_along_axis(errors[:, 1:], best[None, None], 1)[:, 0]
    error = gains.std(0) / np.sqrt(len(gains))
    mean = gains.mean(0)
    return np.asarray((mean > SURE * error) & (mean > 0))


def _explicitness(means: Array, capacities: Array, told: npt.NDArray[np.bool_]) -> Array:
    """E [..., K], from -1 to 1, of mean losses [..., 1 + T, K] at capacities [T]; 0 where nothing is told."""
    base, losses = means[..., 0, :], np.minimum.accumulate(means[..., 1:, :], -2)
    best = losses[..., -1, :]
    area = np.trapezoid(losses - best[..., None, :], capacities, axis=-2)
    triangle = (capacities[-1] - capacities[0]) * (base - best) / 2
    is_usable = told & (base > best)
    share = np.where(triangle > 0, area / np.where(triangle > 0, triangle, 1.0), 0.0)
    return np.asarray(np.where(is_usable, np.clip(1 - share, -1.0, 1.0), 0.0))
