"""Statistical efficiency: how far a classifier gets with few rows beside many."""

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index
from pyvae.metrics.estimators.probes import is_right, judged, probe_of
from pyvae.metrics.estimators.resampling import interval, resampled
from pyvae.metrics.estimators.split import Test, split_of
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured
from pyvae.ops.arguments import whole

FEW, DRAWS = 100, 10


def statistical_efficiency(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    few: int = FEW,
    probe: str = "logistic_regression",
    test: Test | None = None,
    seed: int = 0,
) -> Measured:
    """The downstream accuracy that `few` training rows reach, over that of up to 10 000 (Locatello et al. 2019).

    Both classifiers are judged by the same held-out rows. The few rows are among the many: up to ten draws of them,
    whose accuracies are averaged. A code that tells nothing does as well by few rows as by many: read `accuracy` too.

    Args:
        codes: N codes of D latents.
        factors: [N] or [N, K]; a continuous factor is binned.
        few: rows to learn from, at least 1.
        probe: as for `downstream_accuracy`.
        test: held-out codes and factors; by default a third of the rows is held out.
        seed: of the rows that are held out, of the probe, and of the interval.

    Returns:
        Measured, from 0; above 1 where more rows do harm. 0 if the many reach 0. `parts` has `accuracy`, that of the
        many, and `of_few`.

    Raises:
        TypeError, ValueError: as `downstream_accuracy`; ValueError for `few` below 1.
        ImportError: without scikit-learn.
    """
    few = whole("few", few, least=1)
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    said = str(probe_of(probe))
    split = split_of(found, about, test, seed)
    many = is_right(judged(found, split, probe, seed), split)
    blocks = _blocks(len(split.train.codes), few)
    parts = [split.learning_from(rows) for rows in blocks]
    less = np.stack([is_right(judged(found, part, probe, seed), part).mean(1) for part in parts], 1)
    terms = np.stack([less.mean(1), many.mean(1)], 1)
    of_few, accuracy = terms.mean(0)
    value = float(_ratio(terms.mean(0)))
    ceiling = max(1.0, value)
    replicates = _with_draws(_ratio(resampled(terms, seed)), less, accuracy)
    low, high = interval(value, replicates, 0.0, ceiling, rows=len(terms))
    settings = {"probe": said, "codes": "standardised", "few": len(blocks[0]), "draws": len(blocks), **split.settings}
    return Measured(value, low, high, ceiling, settings, {"accuracy": float(accuracy), "of_few": float(of_few)})


def _blocks(count: int, few: int) -> Index:
    """Up to DRAWS times `few` rows, none twice, or all rows if there are fewer: which few they are decides much."""
    few = min(few, count)
    draws = min(DRAWS, count // few)
    return np.arange(draws * few).reshape(draws, few)  # rows of a split are in no order


def _with_draws(replicates: Array, less: Array, accuracy: float) -> Array:
    """Replicates spread wider by what the mean over draws, of accuracies [T, draws], may be off."""
    draws = less.shape[1]
    if draws < 2 or accuracy <= 0:
        return replicates
    by_draws = less.mean(0).var(ddof=1) / draws / accuracy**2
    centre, spread = replicates.mean(), replicates.var(ddof=1)
    return np.asarray(centre + (replicates - centre) * np.sqrt(1 + by_draws / max(spread, 1e-300)))


def _ratio(means: Array) -> Array:
    many = means[..., 1]
    return np.asarray(np.where(many > 0, means[..., 0] / np.where(many > 0, many, 1.0), 0.0))
