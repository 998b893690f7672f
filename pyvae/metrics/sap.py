"""The separated attribute predictability score: whether one latent alone predicts each factor."""

from typing import NamedTuple

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes
from pyvae.metrics.estimators.columns import Array, Index, alike, standardised
from pyvae.metrics.estimators.protocols import Protocol, follows_library
from pyvae.metrics.estimators.resampling import interval
from pyvae.metrics.estimators.split import Part, Split, Test, split_of
from pyvae.metrics.estimators.threshold import fit_lines
from pyvae.metrics.factors import Factors
from pyvae.metrics.measured import Measured

PENALTY = 0.01
"""C of the machines (Kumar et al.)."""

# Of the bootstrap: so few tell a standard deviation to a sixth, and twice as many would take as long as the score.
REFITS, NEAR_THE_TOP = 16, 3


def sap(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    continuous: bool | None = None,
    test: Test | None = None,
    protocol: Protocol = "paper",
    seed: int = 0,
) -> Measured:
    r"""SAP of Kumar et al. (2018), section 3: the mean over factors of the two best latents' difference in S_dk.

    .. math:: \mathrm{SAP} = \frac 1 K \sum_k S_{d_1 k} - S_{d_2 k}

    S_dk is, of a factor with classes, the accuracy on held-out rows of a linear support vector machine of latent d
    (one class against the rest, squared hinge loss, C = 0.01, classes balanced); of a continuous factor the squared
    correlation with latent d. A line can tell few of many classes apart: a perfect code of dSprites' factors, taken as
    classes, has about 0.24. That is `ceiling`, the score of the factors themselves as codes; a code whose spacing suits
    the machines better than the factors' own, as exp of them, may exceed it, and then is the ceiling.

    Args:
        codes: N codes of D latents. Each is standardised, since the machines' penalty depends on the scale of a code.
        factors: [N] or [N, K].
        continuous: whether factors are amounts. By default those with other than whole numbers are; True takes all for
            amounts but nominal ones, False none: a continuous factor is binned.
        test: held-out codes and factors; by default a third of the rows is held out.
        protocol: "disentanglement_lib" leaves codes as they are: scores depend on their scale.
        seed: of the rows that are held out, and of the interval.

    Returns:
        Measured, from 0 to 1, with a bootstrap's interval that learns anew each time. `parts` has `scores` [D, K] and
        `gaps` [K]. One latent's gap is to 0.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a single point or a factor with one value.
    """
    split = split_of(codes, factors, test, seed)
    machines = _Machines(_amounts(split.factors, continuous), split.factors.sizes, not follows_library(protocol))
    scores = machines.scores(split.train, split.test)
    value = float(_gaps(scores).mean())
    ceiling = max(value, float(_gaps(machines.scores(split.train.as_codes(), split.test.as_codes())).mean()))
    rows = min(len(split.train.codes), len(split.test.codes))
    low, high = interval(value, _replicates(machines, split, scores, seed), 0.0, ceiling, rows=rows)
    amounts = [name for name, amount in zip(split.factors.names, machines.amounts, strict=True) if amount]
    settings = {
        "protocol": protocol,
        "codes": "standardised" if machines.scales else "as given",
        "classes": f"linear SVM, C = {PENALTY}, balanced",
        "amounts": amounts,
        **split.settings,
    }
    return Measured(value, low, high, ceiling, settings, {"scores": scores, "gaps": _gaps(scores)})


def _amounts(factors: Factors, continuous: bool | None) -> tuple[bool, ...]:
    if continuous is None:
        return factors.continuous
    return tuple(continuous and k not in factors.nominal for k in range(factors.count))


class _Machines(NamedTuple):
    """How S is measured: which factors are amounts [K], how many classes each has, whether codes are standardised."""

    amounts: tuple[bool, ...]
    sizes: tuple[int, ...]
    scales: bool

    def scores(self, train: Part, test: Part, latents: Index | None = None) -> Array:
        """S [D, K], or of some latents of each factor, [L, K]."""
        learnt, held_out = alike(train.codes, test.codes) if self.scales else (train.codes, test.codes)
        chosen = np.tile(np.arange(learnt.shape[1])[:, None], (1, len(self.sizes))) if latents is None else latents
        out = np.zeros(chosen.shape)
        for (row, k), d in np.ndenumerate(chosen):
            if self.amounts[k]:
                out[row, k] = _squared_correlation(train.codes[:, d], train.values[:, k])
            else:
                lines = fit_lines(learnt[:, d], train.labels[:, k], self.sizes[k], PENALTY)
                out[row, k] = (lines.predict(held_out[:, d]) == test.labels[:, k]).mean()
        return out


def _replicates(machines: _Machines, split: Split, scores: Array, seed: int) -> Array:
    """Scores of rows drawn anew, in both parts: where a line may say one class or its neighbour, learning decides too.

    Only latents near the top can have a share in a gap: the others stay out.
    """
    best = np.argsort(-scores, 0, kind="stable")[:NEAR_THE_TOP]
    rng = np.random.default_rng(seed)
    out = np.empty(REFITS)
    for r in range(REFITS):
        train, test = (
            part.take(rng.integers(len(part.codes), size=len(part.codes))) for part in (split.train, split.test)
        )
        out[r] = _gaps(machines.scores(train, test, best)).mean()
    return out


def _squared_correlation(x: Array, y: Array) -> float:
    """0 where one of the two is constant."""
    pair = standardised(np.stack([x, y], 1)).values
    return min(1.0, float((pair[:, 0] * pair[:, 1]).mean() ** 2))


def _gaps(scores: Array) -> Array:
    """[..., D, K] -> [..., K]."""
    if scores.shape[-2] == 1:
        return scores[..., 0, :]
    ordered = np.sort(scores, -2)
    return np.asarray(ordered[..., -1, :] - ordered[..., -2, :])
