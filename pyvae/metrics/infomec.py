"""InfoMEC: modularity, compactness and explicitness in units of information."""

from typing import NamedTuple

import numpy as np

from pyvae.aggregate import AggregatePosterior
from pyvae.aggregate.posterior import SAMPLES
from pyvae.aggregate.tables import Labels, Rows
from pyvae.metrics.codes import Codes, codes_of
from pyvae.metrics.estimators.columns import Array, Index, standardised
from pyvae.metrics.estimators.information import Estimator, Information, information_of
from pyvae.metrics.estimators.probes import PROBES, one_thread, quietly
from pyvae.metrics.estimators.pruning import Pruning, unpruned
from pyvae.metrics.estimators.resampling import interval_of
from pyvae.metrics.estimators.seeds import check_seed
from pyvae.metrics.factors import Factors, factors_of
from pyvae.metrics.measured import Measured

# Of its steps, for 10 000 noisy codes of dSprites' factors 50 and 1000 differ by 0.0005 in the shares of factors that
# cannot be told in full. Those that can have no best probe, and more steps only fit the rows.
PROBE = PROBES["logistic_regression"]

# How much of the largest share a sum of shares is at least, noise below 0 among it, for the sum to be trusted.
MOSTLY = 0.8


class InfoMEC(NamedTuple):
    """InfoM, InfoC and InfoE, each from 0 to 1; the first's `parts` have `active` [D], the latents in use, and
    `information` [D, K] in nats, the last's `judged` [K], the share of rows whose class the probe has met.
    """

    modularity: Measured
    compactness: Measured
    explicitness: Measured


def infomec(
    codes: Codes | Rows | AggregatePosterior,
    factors: Factors | Labels,
    *,
    pruning: Pruning = "range",
    held_out: bool = True,
    estimator: Estimator | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> InfoMEC:
    r"""InfoM, InfoC and InfoE of Hsu et al. (2023, arXiv 2305.18378).

    .. math::
        \mathrm{InfoM} = \frac{\overline{\max_k N_{dk} / \sum_k N_{dk}} - 1/K}{1 - 1/K}, \qquad
        \mathrm{InfoC} = \frac{\overline{\max_d N_{dk} / \sum_d N_{dk}} - 1/A}{1 - 1/A}, \qquad
        \mathrm{InfoE} = \overline{1 - L_k / H_k}

    with N_dk = I(z_d; v_k) / H(v_k), at least 0, and means over the A latents in use or over the K factors; 0 / 0 is 0.
    InfoE is the share of the cross-entropy H_k of factor k's frequencies that a linear probe of the whole code, an
    unpenalised multinomial logistic regression, takes away: it stays with L_k. A latent of noise that is not pruned has
    shares of noise: prefer posteriors, or look at `active`.

    Args:
        codes: N posteriors or points of D latents.
        factors: [N] or [N, K]. A continuous factor is binned.
        pruning: which latents are in use: "range" those whose means' range is more than a twentieth of the widest,
            "iqr" those whose interquartile range is more than a tenth of the widest, None those that vary. Both are
            published; "iqr" drops a latent that has the same value in more than three quarters of the rows.
        held_out: whether the probe is judged by the half of the rows that it has not seen. False fits and judges it by
            all rows, as the authors' code does, which also weighs classes alike, so that its H_k is the log of their
            number.
        estimator: as for `mig`.
        samples: of posteriors, how many are drawn.
        seed: fixes the answer to the bit, and which rows are held out.

    Returns:
        InfoMEC, three Measured.

    Raises:
        TypeError, ValueError: as Codes and Factors; ValueError for a factor with one value, another pruning, or a
            single row.
        ImportError: without scikit-learn.
    """
    found = codes_of(codes)
    about = factors_of(factors, len(found))
    information = information_of(found, about, estimator=estimator, samples=samples, seed=seed)
    active = unpruned(found.means, pruning)
    if not isinstance(held_out, bool | np.bool_):
        raise TypeError(f"held_out must be True or False, got {held_out!r}.")
    settings = {"pruning": pruning, "held out": bool(held_out)}

    def infom(value: Array, entropies: Array) -> Array:
        return _concentration(_shares(value, entropies)[..., active, :], -1)

    def infoc(value: Array, entropies: Array) -> Array:
        return _concentration(_shares(value, entropies)[..., active, :], -2)

    modularity = information.measured(infom, _ceiling(information, -1), settings=settings, active=active)
    compactness = information.measured(infoc, _ceiling(information, -2), settings=settings, active=active)
    return InfoMEC(modularity, compactness, _explicitness(found.means[:, active], about, held_out, check_seed(seed)))


def _shares(information: Array, entropies: Array) -> Array:
    """N [..., D, K]; below 0 by chance where nothing is told, so that sums of noise stay around 0."""
    return np.asarray(information / np.maximum(entropies, 1e-300)[..., None, :])


def _concentration(shares: Array, axis: int) -> Array:
    """How far the largest along `axis` stands out, 0 of equal ones and 1 of one alone, the mean over the other axis."""
    choices = shares.shape[axis]
    if choices < 2 or not shares.size:
        return np.zeros(shares.shape[:-2])
    most, total, clipped = shares.max(axis), shares.sum(axis), np.maximum(shares, 0.0).sum(axis)
    # The noise of what is told nothing of cancels in a sum, unless there is nothing but noise.
    total = np.where(total > MOSTLY * most, total, clipped)
    largest = np.where(most > 0, most / np.where(total > 0, total, 1.0), 0.0)
    return np.asarray((largest.mean(-1) - 1 / choices) / (1 - 1 / choices))


def _ceiling(information: Information, axis: int) -> float:
    return information.ceiling(lambda value, entropies: _concentration(_shares(value, entropies), axis))


def _explicitness(points: Array, factors: Factors, held_out: bool, seed: int) -> Measured:
    """InfoE with its interval over the rows that judge the probe; those whose class it has not met are left out."""
    count = len(points)
    if held_out and count < 2:
        raise ValueError("codes must hold at least 2 points for one to be held out, got 1.")
    order = np.random.default_rng(seed).permutation(count)
    fit, judge = (order[: count // 2], order[count // 2 :]) if held_out else (order, order)
    columns = standardised(points).values if points.shape[1] else np.zeros((count, 1))
    losses = np.stack([_losses(columns, labels, fit, judge) for labels in factors.labels.T], 1)
    met = (losses[..., 2] > 0).mean(0)

    def score(means: Array) -> Array:
        loss, entropy, _ = np.moveaxis(means.reshape(*means.shape[:-1], factors.count, 3), -1, 0)
        return np.asarray(np.clip(1 - loss / np.maximum(entropy, 1e-300), 0.0, 1.0).mean(-1))

    terms = losses.reshape(len(judge), -1)
    value = float(score(terms.mean(0)))
    low, high = interval_of(score, terms, seed, 0.0, 1.0)
    steps = PROBE.settings["max_iter"]
    settings = {"probe": f"unpenalised multinomial logistic regression, {steps} steps", "held out": held_out}
    return Measured(value, low, high, 1.0, {**settings, "seed": seed}, {"judged": met})


def _losses(columns: Array, labels: Index, fit: Index, judge: Index) -> Array:
    """-log p of each judged row's class, by the probe and by frequencies, and whether it was met, [J, 3]."""
    classes, trained = np.unique(labels[fit], return_inverse=True)
    place = np.searchsorted(classes, labels[judge]).clip(max=len(classes) - 1)
    met = classes[place] == labels[judge]
    by_frequency = -np.log(np.bincount(trained) / len(fit))[place]
    by_probe = -_log_probabilities(columns[fit], trained, columns[judge])[np.arange(len(judge)), place]
    return np.stack([by_probe * met, by_frequency * met, met.astype(np.float64)], 1)


def _log_probabilities(inputs: Array, labels: Index, judged: Array) -> Array:
    """Of an unpenalised multinomial logistic regression, [J, classes]."""
    if labels.max() == 0 or not inputs.any():  # nothing to tell, or nothing to tell it by
        return np.tile(np.log(np.bincount(labels) / len(labels)), (len(judged), 1))
    with one_thread(), quietly():
        found: Array = PROBE.made(seed=0).fit(inputs, labels).predict_log_proba(judged)
    return np.maximum(found, -700.0)  # a probability of 0 costs what the least number does
