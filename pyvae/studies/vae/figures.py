"""Every figure of the vae study, drawn from the files of a finished study only: `draw(folder)`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyvae.plotting.images import show_rows
from pyvae.plotting.style import INK, new_figure, save_png, shades, tidy
from pyvae.studies.vae.evaluate import OF_CODES, OF_DECODER
from pyvae.studies.vae.findings import label
from pyvae.studies.vae.pictures import Pictures
from pyvae.studies.vae.results import Results, load_results

PANEL = (3.4, 2.6)
"""Inches of one of several panels."""
ACROSS = 3
"""Panels beside each other."""
WHITE = 255.0


def draw(folder: Path | str) -> list[Path]:
    """Draws every figure that there is into folder/figures and returns their paths.

    Raises FileNotFoundError for a missing file.
    """
    folder, results = Path(folder), load_results(folder)
    pictures = safetensors.numpy.load((folder / "pictures.safetensors").read_bytes())
    paths: list[Path] = []
    for name, figure in FIGURES.items():
        if (drawn := figure(results, pictures)) is not None:
            paths.append(folder / "figures" / f"{name}.png")
            save_png(drawn, paths[-1])
    return paths


def rate(results: Results, pictures: Pictures) -> Figure | None:
    """KL against reconstruction error."""
    kl, error = results.values("mean_kl"), results.values("reconstruction")
    if not (np.isfinite(kl) & np.isfinite(error)).any():
        return None
    figure = new_figure(5.6, 4.2)
    axes = figure.add_subplot()
    for i, (strength, colour) in enumerate(zip(results.strengths, shades(len(kl)), strict=True)):
        axes.plot(kl[i], error[i], "o", color=colour, markersize=5, label=results.named(strength))
    tidy(axes, "Rate and distortion", "KL (nats an image)", "reconstruction error (nats an image)")
    axes.legend(frameon=False, fontsize=8.5, loc="best")
    return figure


def reconstructions(results: Results, pictures: Pictures) -> Figure | None:
    """Images, and what a few models make of them."""
    found = pictures["reconstructions"]
    if not len(found):
        return None
    labels = ["image", *map(results.named, pictures["strengths"].tolist())]
    rows = np.concatenate([pictures["images"][None], found])
    return show_rows(rows, labels, "Reconstructions", high=WHITE, shape=tuple(pictures["shape"].tolist()))


def traversals(results: Results, pictures: Pictures) -> Figure | None:
    """The latents most in use of a few models."""
    found = pictures["traversals"]
    if not len(found):
        return None
    pairs = zip(pictures["strengths"].tolist(), pictures["latents"].tolist(), strict=True)
    labels = [f"{results.named(strength)}, latent {latent}" for strength, own in pairs for latent in own]
    rows, shape = found.reshape(-1, *found.shape[2:]), tuple(pictures["shape"].tolist())
    return show_rows(rows, labels, "Traversals", high=WHITE, shape=shape)


FIGURES: dict[str, Callable[[Results, Pictures], Figure | None]] = {
    "scores": lambda results, pictures: _panels(results, results.asked),
    "latents": lambda results, pictures: _panels(results, ("active_latents", *OF_CODES[:-1])),
    "rate": rate,
    "reconstruction": lambda results, pictures: _panels(results, OF_DECODER),
    "reconstructions": reconstructions,
    "traversals": traversals,
}


def _panels(results: Results, columns: Sequence[str]) -> Figure | None:
    """One for each column that any model has."""
    known = [name for name in columns if not np.isnan(results.values(name)).all()]
    if not known:
        return None
    across, down = min(ACROSS, len(known)), -(-len(known) // ACROSS)
    figure = new_figure(max(across * PANEL[0], 4.0), down * PANEL[1])
    for place, name in enumerate(known):
        _against_strength(figure.add_subplot(down, across, place + 1), results, name)
    return figure


def _against_strength(axes: Axes, results: Results, column: str) -> None:
    """Strengths stand at equal distances, so that 0 has a place, too."""
    values, places = results.values(column), np.arange(len(results.strengths))
    usable = ~np.isnan(values).all(1)
    means = [float(np.nanmean(row)) for row in values[usable]]
    axes.plot(places[usable], means, "-", color=INK, linewidth=1.2)
    axes.plot(places, values, "o", color=shades(3)[1], markersize=4)
    axes.set_xticks(places, [f"{strength:g}" for strength in results.strengths])
    tidy(axes, label(column), results.config.symbol, "")
