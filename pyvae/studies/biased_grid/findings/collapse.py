"""The finding on collapse: where it happens, and whether theory foresaw it."""

import numpy as np
from numpy.typing import NDArray

from pyvae.report.answer import Answer, counted
from pyvae.studies.biased_grid.findings.training import convergence
from pyvae.studies.biased_grid.results import Array, Results
from pyvae.studies.biased_grid.theory import collapse_boundary

Mask = NDArray[np.bool_]
BOUNDARY = "the predicted boundary β*(μ)"


def about_collapse(results: Results) -> Answer:
    """Which models collapsed, and whether linear theory said so."""
    active = results.active()
    question = "Where do posteriors collapse, and was it to be expected?"
    known, dead = ~np.isnan(active), active == 0
    collapsed = _collapsed(int(dead.sum()), int(known.sum()))
    if not results.config.varies_beta:
        said = f"Linear theory, which is the β-VAE's, says nothing of {results.config.objective.objective}."
        return Answer("collapse", question, f"{collapsed} {said}", ())
    beyond = _beyond_boundary(results)[..., None] & known
    within = ~_beyond_boundary(results)[..., None] & known
    details = [_beyond_sentence(results, active[beyond])] if beyond.any() else []
    if within.any():
        details.append(_within_sentence(results, active[within], "it" if details else BOUNDARY))
    if (within & dead).any():
        details.append(_early_collapse_sentence(results, within & dead))
    short = f"{collapsed} {_theory(results)}, β < β*(μ), {_test(beyond, within, dead)}"
    return Answer("collapse", question, short, tuple(details))


def _collapsed(dead: int, models: int) -> str:
    if models == 1:
        return f"The model has {'collapsed' if dead else 'not collapsed'} altogether."
    return f"{dead} of {models} models {'has' if dead == 1 else 'have'} collapsed altogether."


def _beyond_sentence(results: Results, active: Array) -> str:
    """Of the models beyond the boundary, [N]."""
    dead, have = int((active == 0).sum()), "has" if len(active) == 1 else "have"
    of = f"{dead} of {counted(len(active), 'model')} {have} no active latent"
    return f"Beyond {BOUNDARY} {of}; the mean is {active.mean():.1f} of {results.config.model.latents}."


def _within_sentence(results: Results, active: Array, place: str) -> str:
    """Of the models within the boundary, [N], which `place` names."""
    alive, keep = int((active > 0).sum()), "keeps" if len(active) == 1 else "keep"
    of = f"{alive} of {counted(len(active), 'model')} {keep} at least one"
    return f"Within {place} {of}; the mean is {active.mean():.1f}, where theory has {_expected(results)}."


def _expected(results: Results) -> str:
    """The latents that theory has in use within the boundary."""
    blocks, used = results.config.grid.blocks**2, results.linear_theory_latents
    if used == blocks:
        return "one for the block" if blocks == 1 else f"one for each of the {blocks} blocks"
    latents = "the only latent" if used == 1 else f"all {used} latents"
    return f"{latents} in use, for {used} of the {blocks} blocks"


def _test(beyond: Mask, within: Mask, dead: Mask) -> str:
    """How often theory says rightly whether any latent is in use, as the rest of a sentence."""
    right, total = int((beyond & dead).sum() + (within & ~dead).sum()), int(beyond.sum() + within.sum())
    agreement = f"{right} of {total} ({right / max(total, 1):.0%})"
    if beyond.any() and within.any():
        return f"says rightly of {agreement} whether any latent is in use."
    outcome, are = "no latent" if beyond.any() else "latents", "is" if right == 1 else "are"
    every = "the only model" if total == 1 else "every model"
    return f"expects {outcome} in use in {every} of this run, which is no test of it; {agreement} {are} as expected."


def _theory(results: Results) -> str:
    objective = results.config.objective.objective
    return "Linear theory" if objective == "beta-vae" else f"Linear theory of the β-VAE (these are {objective})"


def _early_collapse_sentence(results: Results, early: Mask) -> str:
    cells = [f"({results.mus[i]:g}, {results.betas[j]:g})" for i, j in np.argwhere(early.any(axis=2))]
    shown = ", ".join(cells[:6]) + (f" and {len(cells) - 6} more" if len(cells) > 6 else "")
    some = "some seed" if len(results.seeds) > 1 else "the model"
    return f"Cells (μ, β) where {some} collapsed although theory has it in use: {shown}; {convergence(results.config)}."


def _beyond_boundary(results: Results) -> Mask:
    grid = results.config.grid
    boundary = [
        collapse_boundary(float(mu), pixels=grid.pixels**2, noise_variance=grid.noise_variance) for mu in results.mus
    ]
    beyond: Mask = results.betas[None, :] >= np.array(boundary)[:, None]
    return beyond
