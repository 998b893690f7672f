"""What a study found, in words: every sentence is computed from its results, and says so when they do not
decide.
"""

import numpy as np

from pyvae.report.answer import Answer, all_diverged, counted
from pyvae.studies.biased_grid.findings.collapse import about_collapse
from pyvae.studies.biased_grid.findings.maps import about_the_source_maps
from pyvae.studies.biased_grid.findings.recovery import about_recovery
from pyvae.studies.biased_grid.findings.robustness import about_robustness
from pyvae.studies.biased_grid.results import Results

SOURCE_BASELINE = 0.1121  # PMI of an untrained VAE in the study's source, mean of 3 runs
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


def about_the_baseline(results: Results) -> Answer:
    """What untrained models score."""
    mean = results.baseline_mean
    short = (
        f"Untrained models ({counted(results.baseline.num_rows, 'run')}) score a PMI of "
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
        f"{mean('train_recovered_nats'):.3f} nats are read as recovered by chance.",
    )
    return Answer("baseline", "What do untrained models score?", short, details)


def about_limits(results: Results) -> Answer:
    """What the numbers cannot carry."""
    training = results.config.training
    details = []
    if training.patience is None:
        every = "The model" if results.table.num_rows == 1 else "Every model"
        short = f"{every} was trained for {counted(training.steps, 'step')}, whether or not it had converged."
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
            f"I(x; code) is saturated for {counted(int(saturated), 'model')}: it lies within a nat of log "
            f"{results.config.evaluation.information_images}, the most that so many images can show, and is a lower "
            "limit there."
        )
    lost = int((~results.table["finite"].to_numpy()).sum())
    if lost:
        details.append(
            f"{counted(lost, 'model')} {'has diverged and is' if lost == 1 else 'have diverged and are'} left out of "
            "every number."
        )
    details.append(
        "Recovered information is a lower bound: it sees what a linear prediction from one sampled code "
        "sees, latent by latent."
    )
    details.append(
        "Robustness is measured on each model's own training distribution; R² and decoded errors on the unbiased grid."
    )
    return Answer("limits", "What can these numbers not tell?", short, tuple(details))
