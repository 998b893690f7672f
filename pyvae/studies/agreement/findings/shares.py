"""How much of a score's variance over models is the objective's, the strength's and the seed's.

Model r of strength s of objective o has y_osr = m + a_o + b_os + e_osr: strengths are nested in objectives, each of
which has its own. Objectives and strengths are those that were chosen, fixed effects; seeds are random. Sums of squares
of the two-way nested analysis of variance (Searle 1971, Linear Models), with n_os models in a cell,

    SS_O = sum_o n_o (y_o - y)^2,  SS_S = sum_os n_os (y_os - y_o)^2,  SS_E = sum_osr (y_osr - y_os)^2,

on d_O, d_S and d_E degrees of freedom, give shares of SS_O + SS_S + SS_E. Raw ones give the seeds' noise to whatever
has many levels; Kelley's (1935) epsilon squared, which an adjusted R^2 is too, takes it back:

    share_O = (SS_O - d_O SS_E / d_E) / SS,  share_S likewise,  share_E = 1 - share_O - share_S.

An unbiased numerator may be below 0. Locatello et al. (2019) regress scores on the objective, and on objective
and strength: what these explain is share_O and share_O + share_S, but for the noise that they leave in.
"""

from typing import NamedTuple

import numpy as np

from pyvae.quantiles import t_quantile
from pyvae.report.statistics import Array, Interval
from pyvae.studies.agreement.findings.correlation import Index
from pyvae.studies.agreement.findings.significance import two_sided


class Shares(NamedTuple):
    """Of one score: fractions that add up to 1, with intervals over seeds."""

    objective: Interval
    strength: Interval
    seed: Interval
    seed_over_objective: Interval
    """The seed's share less the objective's."""

    @property
    def p(self) -> float:
        """Two-sided, of the hypothesis that the seed's share is the objective's; 1 where there is no interval."""
        mean, half, seeds = self.seed_over_objective
        return two_sided(mean * t_quantile(seeds - 1) / half, seeds - 1) if half > 0 else 1.0


def shares_of(values: Array, objective: Index, cell: Index, seed: Index) -> Shares | None:
    """Of a score [N], NaNs left out; None where it does not vary, or no cell has two models.

    Intervals are the jackknife's, leaving out one seed of all cells at a time (Efron and Tibshirani 1993, chapter 11):
    with three seeds or more. Below that they are unknown.
    """
    known = ~np.isnan(values)
    values, objective, cell, seed = values[known], objective[known], cell[known], seed[known]
    whole = _plain(values, objective, cell)
    if whole is None:
        return None
    kept = [seed != left_out for left_out in np.unique(seed)]
    parts = [_plain(values[rows], objective[rows], cell[rows]) for rows in kept]
    usable = np.array([part for part in parts if part is not None])
    return Shares(*(_interval(whole[i], usable[:, i] if len(usable) > 1 else np.zeros(0)) for i in range(4)))


def _plain(values: Array, objective: Index, cell: Index) -> Array | None:
    cells, objectives = len(np.unique(cell)), len(np.unique(objective))
    free = len(values) - cells
    if free < 1 or np.ptp(values) == 0:
        return None
    of_cells, of_objectives = _means(values, cell), _means(values, objective)
    total = float(np.square(values - values.mean()).sum())
    noise = float(np.square(values - of_cells).sum()) / free
    by_objective = (float(np.square(of_objectives - values.mean()).sum()) - (objectives - 1) * noise) / total
    by_strength = (float(np.square(of_cells - of_objectives).sum()) - (cells - objectives) * noise) / total
    by_seed = 1 - by_objective - by_strength
    return np.array([by_objective, by_strength, by_seed, by_seed - by_objective])


def _means(values: Array, label: Index) -> Array:
    """The mean of each model's own label, [N]."""
    return np.asarray((np.bincount(label, values) / np.maximum(np.bincount(label), 1))[label])


def _interval(value: float, without_one: Array) -> Interval:
    count = len(without_one)
    if count < 2:
        return Interval(float(value), np.nan, 1)
    error = np.sqrt((count - 1) / count * np.square(without_one - without_one.mean()).sum())
    return Interval(float(value), t_quantile(count - 1) * float(error), count)
