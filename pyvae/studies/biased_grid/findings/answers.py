"""What a study found, in words: every sentence is computed from its results, and says so when they do not
decide.
"""

import numpy as np

from pyvae.report.answer import Answer, all_diverged, mean_over_seeds
from pyvae.studies.biased_grid.findings.collapse import about_collapse, about_the_source_maps
from pyvae.studies.biased_grid.findings.robustness import about_robustness
from pyvae.studies.biased_grid.results import Array, Results

SOURCE_BASELINE = 0.1121  # PMI of an untrained VAE in the study's source, mean of 3 runs
CLEARLY = 3.0  # times what untrained models read by chance
NOTHING = 0.005  # a share that prints as 0 %
LEAST_SHOWN = 0.0005  # nats that do not print as 0.000
UNIFORM_VARIANCE = float(np.var([0.1, 0.5, 0.9]))  # error of predicting the truth of the test grid by its mean


def findings(results: Results) -> list[Answer]:
    """The study's answers, most important first; only one where no model has a number to answer with."""
    if not results.table["finite"].to_numpy().any():
        return all_diverged()
    return [
        about_robustness(results),
        about_recovery(results),
        about_collapse(results),
        about_the_source_maps(results),
        about_the_baseline(results),
        about_limits(results),
    ]


def about_recovery(results: Results) -> Answer:
    """How much of the ceiling is recovered, and by which beta."""
    share = mean_over_seeds(results.fraction_recovered())
    ceilings = results.ceilings
    first, last = 0, len(results.mus) - 1
    details = [_best_sentence(results, share, i) for i in sorted({first, last})]
    noise = results.baseline_mean("train_recovered_nats")
    # Where no cell recovers clearly more than untrained models do, none has won.
    won = np.flatnonzero(np.nan_to_num(share, nan=0.0).max(axis=1) * ceilings > CLEARLY * noise)
    best = [float(results.betas[int(np.nanargmax(share[i]))]) for i in won]
    if len(results.betas) > 1 and best:
        winner = max(set(best), key=best.count)
        beyond = "" if len(won) == len(results.mus) else " at which more than chance is recovered"
        places = f" at {best.count(winner)} of {len(won)} values of μ{beyond}" if len(results.mus) > 1 else ""
        details.append(f"The largest share is recovered by β = {winner:g}{places}.")
    if results.config.varies_beta:
        details.append(_linear_sentence(results, share))
    if noise >= LEAST_SHOWN:
        details.append(
            f"Untrained models read {noise:.3f} nats by chance, a share of {noise / ceilings[last]:.3f} at μ = "
            f"{results.mus[last]:g}: smaller differences mean nothing there."
        )
    axes = [symbol for symbol, values in (("μ", results.mus), ("β", results.betas)) if len(values) > 1]
    averaged = f", averaged over {' and '.join(axes)}; the best cell recovers {np.nanmax(share):.0%}" if axes else ""
    short = f"Models recover {np.nanmean(share):.0%} of what the noised images hold of the true latents{averaged}."
    return Answer("recovery", "How much of what could be recovered is recovered?", short, tuple(details))


def _best_sentence(results: Results, share: Array, i: int) -> str:
    mu = f"{results.mus[i]:g}"
    if np.isnan(share[i]).all():
        return f"At μ = {mu} no model gives a value."
    j = int(np.nanargmax(share[i]))
    if share[i, j] < NOTHING:
        return f"At μ = {mu} an image holds {results.ceilings[i]:.2f} nats of the true latents, and none is recovered."
    return (
        f"At μ = {mu} an image holds {results.ceilings[i]:.2f} nats of the true latents; the most is "
        f"recovered at β = {results.betas[j]:g}: {share[i, j] * results.ceilings[i]:.2f} nats, "
        f"{share[i, j]:.0%} (a lower bound)."
    )


def _linear_sentence(results: Results, share: Array) -> str:
    beta = results.reference
    j = list(results.betas).index(beta)
    mean = float(results.linear_theory_fraction(beta).mean())
    over = ", averaged over μ" if len(results.mus) > 1 else ""
    return (
        f"The best linear VAE would recover {mean:.0%} at β = {beta:g}{over}: its code is "
        "sampled, and truth is predicted linearly from it. The trained models recover "
        f"{np.nanmean(share[:, j]):.0%}."
    )


def about_the_baseline(results: Results) -> Answer:
    """What untrained models score."""
    mean = results.baseline_mean
    runs = results.baseline.num_rows
    short = (
        f"Untrained models ({runs} run{'' if runs == 1 else 's'}) score a PMI of "
        f"{mean('test_truth_to_mean_mse_sgd'):.2g}, and their posterior means explain "
        f"{mean('test_mean_to_truth_r2_lsq'):.0%} of the truth's variance: neither number shows learning."
    )
    reverse, forward = mean("test_sample_to_truth_mse_lsq"), mean("test_truth_to_mean_mse_sgd")
    if abs(SOURCE_BASELINE - reverse) < abs(SOURCE_BASELINE - forward):
        likeness = f"is nearer to this error than to that of truth → means, {forward:.2g}"
    else:
        likeness = f"is nearer to their error of truth → means, {forward:.2g}"
    details = (
        f"Predicting the truth from their sampled latents gives an error of {reverse:.4f}; the variance of the "
        f"intensities {{0.1, 0.5, 0.9}}, the error when nothing is known, is {UNIFORM_VARIANCE:.4f}.",
        f"The source's {SOURCE_BASELINE} for an untrained VAE {likeness}.",
        f"Their decoded projections have an error of {mean('test_decoded_projection_mse_sgd'):.3f} per pixel, and "
        f"they recover {mean('train_recovered_nats'):.3f} nats.",
    )
    return Answer("baseline", "What do untrained models score?", short, details)


def about_limits(results: Results) -> Answer:
    """What the numbers cannot carry."""
    training = results.config.training
    details = []
    if training.patience is None:
        short = f"Every model was trained for {training.steps} steps, whether or not it had converged."
    else:
        steps = results.table["steps"].to_numpy()
        short = (
            f"Models were trained until {training.patience} validations in a row brought nothing better, "
            f"{steps.min()} to {steps.max()} steps, and {(steps >= training.steps).sum()} of {len(steps)} "
            f"reached the limit of {training.steps}."
        )
    saturated = np.nansum(results.grid("train_code_information_saturated"))
    if saturated:
        details.append(
            f"I(x; code) is saturated for {int(saturated)} models: it lies within a nat of log "
            f"{results.config.evaluation.information_images}, the most that so many images can show, and is a lower "
            "limit there."
        )
    lost = int((~results.table["finite"].to_numpy()).sum())
    if lost:
        details.append(
            f"{lost} model{' has' if lost == 1 else 's have'} diverged and {'is' if lost == 1 else 'are'} "
            "left out of every number."
        )
    details.append(
        "Recovered information is a lower bound: it sees what a linear prediction from one sampled code "
        "sees, latent by latent."
    )
    details.append(
        "Robustness is measured on each model's own training distribution; R² and decoded errors on the unbiased grid."
    )
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))
