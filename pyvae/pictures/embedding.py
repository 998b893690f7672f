"""Codes in two dimensions, coloured by a factor: by principal components, and by t-SNE."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.figure import Figure

from pyvae.metrics.estimators.extras import sklearn
from pyvae.pictures.model import NothingToShow
from pyvae.plotting.style import INK, new_figure, tidy

Array = npt.NDArray[np.float64]

PERPLEXITY = 30.0
LISTED = 10
"""Values of a factor that a legend lists; more have a scale of colours."""


class Embedding(NamedTuple):
    """Points [N, 2], what the axes are called, and what made them."""

    points: Array
    axes: tuple[str, str]
    title: str


def pca(codes: npt.ArrayLike) -> Embedding:
    """The two directions in which codes [N, D] vary most, through their mean; a single latent beside zeros.

    Signs are such that a direction's largest coefficient is positive. Raises NothingToShow for codes that do not vary.
    """
    found = _varying(codes)
    _, scales, directions = np.linalg.svd(found, full_matrices=False)
    directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(1)])[:, None]
    shares = [*(scales**2 / (scales**2).sum()).tolist(), 0.0]
    points = np.zeros((len(found), 2))
    points[:, : min(2, len(directions))] = found @ directions[:2].T
    names = (f"component 1 ({shares[0]:.0%} of the variance)", f"component 2 ({shares[1]:.0%})")
    return Embedding(points, names, "Principal components")


def tsne(codes: npt.ArrayLike, *, perplexity: float = PERPLEXITY, seed: int = 0) -> Embedding:
    """t-SNE of codes [N, D] (van der Maaten & Hinton 2008), by scikit-learn, from principal components.

    The perplexity is at most a third of the points. Near and far mean little beyond neighbours: distances between
    clusters, and their sizes, are not those of the codes.

    Raises NothingToShow for codes that do not vary or fewer than four, ImportError without scikit-learn.
    """
    found = _varying(codes)
    if len(found) < 4:
        raise NothingToShow(f"t-SNE needs at least 4 codes, and these are {len(found)}.")
    perplexity = min(perplexity, (len(found) - 1) / 3)
    several = found if found.shape[1] > 1 else np.column_stack([found, np.zeros(len(found))])
    make = sklearn("manifold").TSNE
    points = make(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(several.astype(np.float32))
    return Embedding(np.asarray(points, dtype=np.float64), ("", ""), f"t-SNE (perplexity {perplexity:.3g})")


def draw_embedding(
    embedding: Embedding, values: npt.ArrayLike | None = None, name: str = "", *, nominal: bool = False
) -> Figure:
    """The points, coloured by a factor's values [N]: kinds have colours of their own, amounts go from dark to light."""
    figure = new_figure(4.3, 3.9)
    axes = figure.add_subplot()
    x, y = embedding.points.T
    title = embedding.title if values is None else f"{embedding.title}, by {name}"
    if values is None:
        axes.scatter(x, y, s=6, color=INK, alpha=0.6, linewidths=0)
    else:
        _coloured(figure, embedding.points, np.asarray(values, dtype=np.float64), nominal)
    tidy(axes, title, *embedding.axes)
    if not any(embedding.axes):  # its units mean nothing
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _coloured(figure: Figure, points: Array, values: Array, nominal: bool) -> None:
    (axes,) = figure.axes
    kinds = np.unique(values)
    if len(kinds) > LISTED:
        drawn = axes.scatter(points[:, 0], points[:, 1], c=values, cmap="viridis", s=6, linewidths=0)
        figure.colorbar(drawn, ax=axes, fraction=0.05, pad=0.02).outline.set_visible(False)
        return
    scale = colormaps["tab10" if nominal else "viridis"]
    colours = [scale(k) if nominal else scale(k / max(1, len(kinds) - 1) * 0.95) for k in range(len(kinds))]
    for kind, colour in zip(kinds, colours, strict=True):
        x, y = points[values == kind].T
        axes.scatter(x, y, color=colour, s=6, linewidths=0, label=f"{kind:.3g}")
    columns = min(5, len(kinds))
    figure.legend(loc="outside lower center", frameon=False, fontsize=8.5, ncols=columns, markerscale=2.2)


def _varying(codes: npt.ArrayLike) -> Array:
    """Codes less their mean."""
    found = np.asarray(codes, dtype=np.float64)
    if found.ndim != 2 or 0 in found.shape:
        raise ValueError(f"codes must have the shape [N, D], got {list(found.shape)}")
    if not np.isfinite(found).all():
        raise NothingToShow("The codes are not finite: the model has diverged, and there is nothing to show of them.")
    centred: Array = found - found.mean(0)
    # Relative to the codes, or to the prior's scale of 1: what varies by less is float32's rounding.
    if not (centred.std(0) > 1e-6 * np.maximum(1.0, np.abs(found).max(0))).any():
        raise NothingToShow("All images have the same code: the model has collapsed, and its codes are one point.")
    return centred
