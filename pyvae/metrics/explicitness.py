"""Explicitness: whether a linear classifier tells each value of each factor from the others."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.probes import Judged, absent, judged, probe_of
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import interval_of
from pyvae.metrics.estimators.split import Test, split_of
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured


def explicitness(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    classifier: Literal["multinomial", "one-vs-rest"] = "multinomial",
    test: Test | None = None,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    """Explicitness of Ridgeway and Mozer (2018), section 3: the mean over factors of the mean over their values of the
    area under the ROC curve of logistic regression, value against all others, on held-out rows.

    Not normalised: 0.5 is chance. The classifier decides the number: of a perfect code of dSprites' factors the library
    had 0.94 when scikit-learn fitted one machine for each value, and has 0.99 since it fits a multinomial one.

    Args:
        codes: N codes of D latents, standardised.
        factors: [N] or [N, K]; a continuous factor is binned.
        classifier: one multinomial logistic regression for all values of a factor, or one of each value against the
            rest.
        test: held-out codes and factors; by default a third of the rows is held out.
        protocol: "disentanglement_lib" has scikit-learn's default penalty, C = 1; the paper's probe has none.
        seed: of the rows that are held out, and of the interval.

    Returns:
        Measured, from 0 to 1. Values that the held-out or the other rows lack are left out, and a factor of which less
        than two remain. `parts` has `areas`, those of each value by the factor's name, and `absent`, how many values of
        a factor the held-out rows lack.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a single point, a factor with one value, another
            classifier, and if the held-out rows have one value of each factor.
        ImportError: without scikit-learn.
    """
    if classifier not in ("multinomial", "one-vs-rest"):
        raise ValueError(f"classifier must be multinomial or one-vs-rest, got {classifier!r}.")
    penalty = "_penalised" if follows_library(protocol) else ""
    name = f"logistic_regression{penalty}" + ("_one_vs_rest" if classifier == "one-vs-rest" else "")
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    split = split_of(found, about, test, seed)
    areas, influences = {}, []
    for k, one in enumerate(judged(found, split, name, seed)):
        area, influence = _areas(one, split.test.labels[:, k])
        if len(area):
            areas[split.factors.names[k]] = area
            influences.append(influence)
    if not areas:
        raise ValueError("factors must have one with two values among the held-out rows, got none.")
    value = float(np.mean([area.mean() for area in areas.values()]))
    terms = value + np.mean(influences, 0)[:, None]
    low, high = interval_of(lambda means: means[..., 0], terms, seed, 0.0, 1.0)
    settings = {"protocol": protocol, "classifier": classifier, "probe": str(probe_of(name)), "normalised": False}
    return Measured(value, low, high, 1.0, {**settings, **split.settings}, {"areas": areas, "absent": absent(split)})


def _areas(found: Judged, labels: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Of each class in both parts its area under the curve, and of each row its influence on their mean, [T].

    The area is the share of pairs, one row of the class and one of the others, that are in the right order, ties half;
    a row moves it by the share of its own pairs (DeLong et al. 1988).
    """
    is_own = labels[:, None] == found.classes
    own = is_own.sum(0)
    usable = (own > 0) & (own < len(labels))
    if not usable.any():
        return np.zeros(0), np.zeros(len(labels))
    is_own, own, scores = is_own[:, usable], own[usable], found.scores[:, usable]
    others = len(labels) - own
    below_all, below_own = _below(scores, np.ones_like(is_own)), _below(scores, is_own)
    shares = np.where(is_own, (below_all - below_own) / others, 1 - below_own / own)
    areas = np.where(is_own, shares, 0.0).sum(0) / own
    weight = len(labels) / np.where(is_own, own, others)
    return areas, ((shares - areas) * weight).mean(1)


def _below(scores: Array, among: npt.NDArray[np.bool_]) -> Array:
    """How many of the rows of each column that are `among` have a lower score, ties half, [T, C]."""
    out = np.empty(scores.shape)
    for c in range(scores.shape[1]):
        ordered = np.sort(scores[among[:, c], c])
        places = [np.searchsorted(ordered, scores[:, c], side) for side in ("left", "right")]
        out[:, c] = (places[0] + places[1]) / 2
    return out
