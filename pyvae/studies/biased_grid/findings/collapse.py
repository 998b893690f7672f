"""The findings about collapse: where it happens, whether theory foresaw it, and what it does to the
source's maps.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, mean_over_seeds
from pyvae.report.statistics import rank_correlation
from pyvae.studies.biased_grid.findings.training import convergence
from pyvae.studies.biased_grid.results import Array, Results
from pyvae.studies.biased_grid.theory import collapse_boundary, constant_decoder_mse

BOUNDARY = "the predicted boundary β*(μ)"
STRONG = 0.6  # rank correlation from which a map is said to follow the collapse


def about_collapse(results: Results) -> Answer:
    """Which models collapsed, and whether linear theory said so."""
    active = results.active()
    question = "Where do posteriors collapse, and was it to be expected?"
    if not results.config.varies_beta:
        known, objective = ~np.isnan(active), results.config.objective.objective
        short = f"{(active[known] == 0).sum()} of {known.sum()} models have collapsed altogether. Linear theory, which "
        return Answer("collapse", question, f"{short}is the β-VAE's, says nothing of {objective}.", ())
    beyond = _beyond_boundary(results)[..., None] & ~np.isnan(active)
    within = ~_beyond_boundary(results)[..., None] & ~np.isnan(active)
    dead = active == 0
    right = int((beyond & dead).sum() + (within & ~dead).sum())
    total = int(beyond.sum() + within.sum())
    details = []
    if beyond.any():
        details.append(
            f"Beyond {BOUNDARY} {(beyond & dead).sum()} of {beyond.sum()} models have no "
            f"active latent; the mean is {active[beyond].mean():.1f} of {results.config.model.latents}."
        )
    if within.any():
        place = "it" if beyond.any() else BOUNDARY
        details.append(
            f"Within {place} {(within & ~dead).sum()} of {within.sum()} models keep at least one; the mean is "
            f"{active[within].mean():.1f}, where theory has one for each of the {results.config.data.blocks**2} "
            "blocks."
        )
    if (within & dead).any():
        details.append(_early_collapse_sentence(results, within & dead))
    agreement = f"{right} of {total} ({right / max(total, 1):.0%})"
    if beyond.any() and within.any():
        test = f"says rightly of {agreement} whether any latent is in use."
    else:
        outcome = "no latent" if beyond.any() else "latents"
        test = (
            f"expects {outcome} in use in every model of this run, which is no test of it; {agreement} are as expected."
        )
    short = f"{dead.sum()} of {total} models have collapsed altogether. {_theory(results)}, β < β*(μ), {test}"
    return Answer("collapse", question, short, tuple(details))


def _theory(results: Results) -> str:
    objective = results.config.objective.objective
    return "Linear theory" if objective == "beta-vae" else f"Linear theory of the β-VAE (these are {objective})"


def _early_collapse_sentence(results: Results, early: NDArray[np.bool_]) -> str:
    cells = [f"({results.mus[i]:g}, {results.betas[j]:g})" for i, j in np.argwhere(early.any(axis=2))]
    shown = ", ".join(cells[:6]) + (f" and {len(cells) - 6} more" if len(cells) > 6 else "")
    some = "some seed" if len(results.seeds) > 1 else "the model"
    return f"Cells (μ, β) where {some} collapsed although theory has it in use: {shown}; {convergence(results.config)}."


def about_the_source_maps(results: Results) -> Answer:
    """Are the diagonals of the source's two heat maps, inverse to each other, made by collapse?"""
    active = mean_over_seeds(results.active())
    pmi = mean_over_seeds(results.grid("test_truth_to_mean_mse_sgd"))
    decoded = mean_over_seeds(results.grid("test_decoded_projection_mse_sgd"))
    constant = np.array([constant_decoder_mse(float(mu)) for mu in results.mus])[:, None]
    with_pmi = rank_correlation(active.ravel(), pmi.ravel())
    with_decoded = rank_correlation(active.ravel(), (decoded / constant).ravel())
    details = [
        "PMI, the raw error of predicting posterior means from the truth (lower was read as better), "
        f"{_correlates(with_pmi)}: the mean of a collapsed posterior is a constant, and easy to predict.",
        "The error of decoded projections, relative to that of a decoder that ignores its latents, "
        f"{_correlates(with_decoded)}.",
    ]
    dead = active == 0
    if dead.any():
        gap = np.abs(decoded - constant)[dead]
        details.append(
            f"In the {dead.sum()} cell{'' if dead.sum() == 1 else 's'} that collapsed{_in_every_seed(results)} PMI is "
            f"{pmi[dead].mean():.2g} on average (against {_mean_or_dash(pmi[~dead])} in the others), and the decoded "
            f"error differs by {gap.mean():.3f} on average from {constant[0, 0]:.3f} … {constant[-1, 0]:.3f}, what "
            "answering the mean training image gives: it grows with μ by itself."
        )
    question = "Are the diagonals of the source's two heat maps robustness, or collapse?"
    verdict = _maps_verdict(with_pmi, with_decoded)
    if not dead.any():
        verdict += f" No cell of this study has collapsed altogether{_in_every_seed(results)}."
    return Answer("source maps", question, verdict, tuple(details))


def _correlates(correlation: float) -> str:
    if math.isnan(correlation):
        return "cannot be compared with the number of active latents, since one of the two does not vary"
    return f"has rank correlation {decimals(correlation, 2)} with the number of active latents"


def _in_every_seed(results: Results) -> str:
    return " in every seed" if len(results.seeds) > 1 else ""


def _maps_verdict(with_pmi: float, with_decoded: float) -> str:
    if math.isnan(with_pmi) or math.isnan(with_decoded):
        return "The maps vary too little in this study to say."
    follows_pmi, follows_decoded = with_pmi > STRONG, with_decoded < -STRONG
    if follows_pmi and follows_decoded:
        return (
            "Collapse, for the most part: as latents fall out of use PMI improves and decoding gets worse, "
            "which gives two diagonals in inverse directions."
        )
    if follows_pmi:
        return "PMI follows collapse, and improves with it; the error of decoded projections follows it only weakly."
    if follows_decoded:
        return "The error of decoded projections follows collapse; PMI follows it only weakly."
    return "Neither map follows the number of active latents closely, so collapse alone does not explain them here."


def _mean_or_dash(values: Array) -> str:
    return f"{values.mean():.2g}" if len(values) else "no other cell"


def _beyond_boundary(results: Results) -> NDArray[np.bool_]:
    grid = results.config.grid
    boundary = [
        collapse_boundary(float(mu), pixels=grid.pixels**2, noise_variance=grid.noise_variance) for mu in results.mus
    ]
    beyond: NDArray[np.bool_] = results.betas[None, :] >= np.array(boundary)[:, None]
    return beyond
