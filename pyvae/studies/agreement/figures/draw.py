"""Every figure of the study: `draw(folder)`. Adding one: a function of `Results`, and a line in FIGURES."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from pyvae.plotting.style import save_png
from pyvae.studies.agreement.figures.intervals import unsupervised, use, variance
from pyvae.studies.agreement.figures.matrix import agreement
from pyvae.studies.agreement.figures.models import by_objective, protocol, rotation, strengths
from pyvae.studies.agreement.results import Results, load_results

FIGURES: dict[str, Callable[[Results], Figure]] = {
    figure.__name__: figure
    for figure in (agreement, use, variance, by_objective, unsupervised, protocol, rotation, strengths)
}


def draw(folder: Path | str) -> list[Path]:
    """Draws every figure that a study has into folder/figures; returns their paths.

    Raises FileNotFoundError for a missing file.
    """
    folder, results = Path(folder), load_results(folder)
    paths = []
    for name, figure in figures_of(results).items():
        path = folder / "figures" / f"{name}.png"
        save_png(figure(results), path)
        paths.append(path)
    return paths


def figures_of(results: Results) -> dict[str, Callable[[Results], Figure]]:
    """One seed has no shares of variance to draw, and models that have all diverged have nothing."""
    if not results.finite.any():
        return {}
    left_out = set() if results.config.several_seeds else {"variance"}
    return {name: figure for name, figure in FIGURES.items() if name not in left_out}
