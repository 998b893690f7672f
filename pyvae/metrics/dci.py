"""Disentanglement, completeness and informativeness."""

from typing import Any, NamedTuple

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.importances import IMPORTANCES, Used, importances
from pyvae.metrics.estimators.probes import absent, is_right
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import interval, interval_of, resampled
from pyvae.metrics.estimators.split import Split, Test, split_of
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured


class DCI(NamedTuple):
    """Three scores, each from 0 to 1."""

    disentanglement: Measured
    completeness: Measured
    informativeness: Measured


def dci(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    probe: str | None = None,
    test: Test | None = None,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> DCI:
    r"""DCI of Eastwood and Williams (2018), section 2, from the importance R_dk of each latent to a probe of factor k.

    .. math::
        D = \sum_d \rho_d (1 - H_K(P_{d \cdot})), \quad C = \sum_k \gamma_k (1 - H_D(P_{\cdot k})), \qquad
        \rho_d = \frac{\sum_k R_{dk}}{\sum_{dk} R_{dk}}, \quad \gamma_k = \frac{\sum_d R_{dk}}{\sum_{dk} R_{dk}}

    with P each row or column of R as shares, and entropies in units of log K or log D. R of each factor sums to 1, or
    is 0 where a probe uses nothing. Informativeness is the mean accuracy of the probes on held-out rows. The probe is
    part of the result: one code by two probes may differ more than two codes by one.

    Args:
        codes: N codes of D latents.
        factors: [N] or [N, K]; a continuous factor is binned.
        probe: "tree", a decision tree, which sees no more than the order of values: rising maps of latents change no
            bit of D and C. "gradient_boosting" is the library's, which takes minutes for 10 000 rows. By default the
            first, and with the library's protocol the second.
        test: held-out codes and factors; by default a third of the rows is held out.
        protocol: "disentanglement_lib" has that library's probe.
        seed: of the rows that are held out, of the probe, and of the interval.

    Returns:
        DCI of three Measured. Each has `importance` [D, K] in `parts`; `disentanglement` [D], `completeness` [K] and
        `accuracies` [K] with the score they belong to, and the latter `absent`, how many classes of a factor the
        held-out rows lack. The intervals of D and C are those of the importances of this probe, learnt from these rows:
        what it would learn from others is not in them. Of gradient boosting none is known but 0 to 1. With one factor D
        is 1 if it is told at all, as C is with one latent.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a single point, a factor with one value or another
            probe.
        ImportError: without scikit-learn.
    """
    by_library = follows_library(protocol)
    name = ("gradient_boosting" if by_library else "tree") if probe is None else probe
    split = split_of(codes, factors, test, seed)
    used = importances(name, split.train.codes, split.train.labels, split.test.codes, seed)
    settings = {"protocol": protocol, "probe": IMPORTANCES[name].said, **split.settings}
    raw = np.stack([one.importance for one in used], 1)
    parts: dict[str, Any] = {"importance": shares(raw)}
    drawn, rows = _replicates(used, seed), len(split.train.codes)
    by_latent = {**parts, "disentanglement": concentration(parts["importance"])}
    disentanglement = _measured(raw, drawn, rows, settings, by_latent)
    by_factor = {**parts, "completeness": concentration(parts["importance"].T)}
    completeness = _measured(raw, drawn, rows, settings, by_factor, of_factors=True)
    return DCI(disentanglement, completeness, _informativeness(used, split, settings, parts, seed))


def shares(importance: Array) -> Array:
    """R [..., D, K] whose columns sum to 1, or are 0."""
    raw = np.maximum(importance, 0.0)
    total = raw.sum(-2, keepdims=True)
    return np.asarray(np.where(total > 0, raw / np.where(total > 0, total, 1.0), 0.0))


def concentration(importance: Array) -> Array:
    """1 less the entropy of each row as shares, in units of the log of its length, [..., A, B] -> [..., A]."""
    total = importance.sum(-1, keepdims=True)
    p = importance / np.where(total > 0, total, 1.0)
    entropy = -(p * np.log(np.where(p > 0, p, 1.0))).sum(-1)
    score = 1 - entropy / np.log(max(2, importance.shape[-1]))
    return np.asarray(np.where(total[..., 0] > 0, np.clip(score, 0.0, 1.0), 0.0))


def weighted(importance: Array) -> Array:
    """The mean of `concentration` by the weights of rows, [..., A, B] -> [...]; 0 where nothing is important."""
    weight = importance.sum(-1)
    total = weight.sum(-1)
    mean = (weight * concentration(importance)).sum(-1) / np.where(total > 0, total, 1.0)
    return np.asarray(np.clip(mean, 0.0, 1.0))


def _replicates(used: list[Used], seed: int) -> Array | None:
    """Importances by rows drawn anew, [replicates, D, K], if the probe has terms of rows."""
    terms = [one.terms for one in used if one.terms is not None]
    return resampled(np.stack(terms, -1), seed) if len(terms) == len(used) else None


def _measured(
    raw: Array,
    drawn: Array | None,
    rows: int,
    settings: dict[str, Any],
    parts: dict[str, Any],
    *,
    of_factors: bool = False,
) -> Measured:
    def score(importance: Array) -> Array:
        found = shares(importance)
        return weighted(np.swapaxes(found, -1, -2) if of_factors else found)

    value = float(score(raw))
    low, high = (0.0, 1.0) if drawn is None else interval(value, score(drawn), 0.0, 1.0, rows=rows)
    return Measured(value, low, high, 1.0, settings, parts)


def _informativeness(
    used: list[Used], split: Split, settings: dict[str, Any], parts: dict[str, Any], seed: int
) -> Measured:
    right = is_right(tuple(one.judged for one in used), split)
    low, high = interval_of(lambda means: means.mean(-1), right, seed, 0.0, 1.0)
    by_factor = {**parts, "accuracies": right.mean(0), "absent": absent(split)}
    return Measured(float(right.mean()), low, high, 1.0, settings, by_factor)
