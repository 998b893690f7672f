"""Every figure of the grid study, drawn from the files of a finished study only: `draw(folder)`.

Adding a figure: a function of `Saved` that returns a matplotlib Figure, and a line in FIGURES.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pyvae.plotting.images import show_rows
from pyvae.plotting.style import save_png
from pyvae.studies.biased_grid.config import BiasedGridConfig
from pyvae.studies.biased_grid.figures.curves import (
    curves_by_beta_kl,
    curves_by_beta_loss,
    curves_by_mu_kl,
    curves_by_mu_loss,
    projection_curve,
    robustness,
    robustness_difference,
)
from pyvae.studies.biased_grid.figures.maps import (
    map_active,
    map_code_information,
    map_decoded,
    map_mean_to_truth,
    map_pmi,
    map_recovered,
    map_sample_to_truth,
)
from pyvae.studies.biased_grid.results import Saved, load_saved


def draw(folder: Path | str) -> list[Path]:
    """Draw every figure into folder/figures and return their paths. Raises FileNotFoundError for a missing
    file.
    """
    folder, saved = Path(folder), load_saved(folder)
    paths = []
    for name, figure in figures_of(saved.results.config).items():
        path = folder / "figures" / f"{name}.png"
        save_png(figure(saved), path)
        paths.append(path)
    return paths


def figures_of(config: BiasedGridConfig) -> dict[str, Callable[[Saved], Figure]]:
    """The figures that a study of these settings has: deterministic codes hold no number of nats to map."""
    left_out = {"map_code_information"} if config.objective.kind.deterministic else set()
    return {name: figure for name, figure in FIGURES.items() if name not in left_out}


def samples_clean(saved: Saved) -> Figure:
    """Training images before noise, a row per mu."""
    return show_rows(saved.pictures["clean"], _mu_labels(saved), "Training images before noise")


def samples_noised(saved: Saved) -> Figure:
    """The same images with the pixel noise that models see; the grey scale is wider."""
    deviation = float(saved.results.config.data.noise_variance**0.5)
    return show_rows(
        saved.pictures["noised"],
        _mu_labels(saved),
        "The same images as the models see them",
        low=-deviation,
        high=1 + deviation,
    )


def generated(saved: Saved) -> Figure:
    """Unseen test images, and what each model's decoder makes of their linear projection into its latent
    space.
    """
    symbol = saved.results.config.symbol
    images = np.concatenate([saved.pictures["test_images"][None], saved.pictures["decoded"]])
    labels = ["truth", *(f"μ = {mu:g}, {symbol} = {beta:g}" for mu, beta, _ in saved.pictures["cells"])]
    return show_rows(images, labels, "Test images: the truth, and decoded from its projection")


FIGURES: dict[str, Callable[[Saved], Figure]] = {
    figure.__name__: figure
    for figure in (
        samples_clean,
        samples_noised,
        curves_by_mu_loss,
        curves_by_mu_kl,
        curves_by_beta_loss,
        curves_by_beta_kl,
        projection_curve,
        map_pmi,
        map_decoded,
        map_mean_to_truth,
        map_sample_to_truth,
        map_recovered,
        map_active,
        map_code_information,
        robustness,
        robustness_difference,
        generated,
    )
}


def _mu_labels(saved: Saved) -> list[str]:
    return [f"μ = {mu:g}" for mu in saved.pictures["mus"]]
