"""Images that a model finds odd, by their ELBO, and how well that tells held-out kinds from known ones."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from pyvae.ops import gaussian_kl, reparameterize
from pyvae.pictures.model import AT_ONCE, Model, NothingToShow, posteriors
from pyvae.plotting.style import FAINT, new_figure, tidy
from pyvae.quantiles import NORMAL_975

Array = npt.NDArray[np.float64]

AREAS = 100_001
"""Among which the ends of an interval are found."""
DRAWS = 16
"""Of each posterior, over which the reconstruction is averaged."""


class ROC(NamedTuple):
    """Shares of known images called odd, and of odd ones, [T] each, at every threshold; the area under the curve with
    its 95 % interval.
    """

    false_positives: Array
    true_positives: Array
    auc: float
    low: float
    high: float


@torch.no_grad()
def negative_elbo(
    model: Model,
    images: Tensor,
    likelihood: Callable[[Tensor, Tensor], Tensor],
    *,
    draws: int = DRAWS,
    deterministic: bool = False,
    seed: int = 0,
) -> Tensor:
    """-ELBO of images [N, ...] in nats, [N], without the likelihood's constant: high for images that surprise.

    The closed-form KL, and the reconstruction averaged over `draws` of each posterior; of a deterministic autoencoder
    the reconstruction alone. `model.decode` gives what `likelihood(images, decoded) -> [B]` takes, as the objects of
    pyvae.losses are: logits of a Bernoulli likelihood, not images.

    Raises NothingToShow where a value is not finite, ValueError for fewer than one draw.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    parts = []
    for number, x in enumerate(images.split(AT_ONCE)):
        mu, logvar = posteriors(model, x)
        if deterministic:
            parts.append(likelihood(x, model.decode(mu)))
            continue
        streams = (seed + draw + number * draws for draw in range(draws))
        terms = [likelihood(x, model.decode(reparameterize(mu, logvar, seed=stream))) for stream in streams]
        parts.append(torch.stack(terms).mean(0) + gaussian_kl(mu, logvar))
    found = torch.cat(parts).double()
    if not bool(found.isfinite().all()):
        raise NothingToShow("The ELBO is not finite: the model has diverged, and cannot tell odd images from others.")
    return found


def unusual(scores: Tensor, count: int = 10) -> Tensor:
    """Rows of the images with the highest scores, int64 [count], the oddest first; of equal ones the first."""
    return scores.argsort(descending=True, stable=True)[:count]


def roc(scores: npt.ArrayLike, odd: npt.ArrayLike) -> ROC:
    """How well scores [N] tell odd images, bool [N], from known ones.

    The area is the share of pairs of an odd and a known image in which the odd one scores higher, ties counting half,
    and its interval Newcombe's method 5 (2006, Statistics in Medicine 25): the score interval with the standard error
    of Hanley & McNeil (1982), which holds at areas near 1 and for few odd images, where that of DeLong et al. is too
    narrow, and does not shrink to a point where all pairs are told apart.

    Raises NothingToShow unless both kinds are there, ValueError for shapes that differ and scores that are NaN.
    """
    found, is_odd = np.asarray(scores, dtype=np.float64), np.asarray(odd, dtype=bool)
    if found.shape != is_odd.shape or found.ndim != 1:
        raise ValueError(f"odd must have the shape of scores, [N], got {list(is_odd.shape)} and {list(found.shape)}")
    if np.isnan(found).any():
        raise ValueError("scores must be numbers, got a NaN")
    high, low = np.sort(found[is_odd]), np.sort(found[~is_odd])
    if not len(high) or not len(low):
        raise NothingToShow(f"A ROC needs odd and known images, and these are {len(high)} and {len(low)}.")
    thresholds = np.concatenate([[np.inf], np.unique(found)[::-1]])
    false, true = (1 - np.searchsorted(part, thresholds, "left") / len(part) for part in (low, high))
    area = float(_placements(high, low).mean())
    return ROC(false, true, area, *_interval(area, len(high), len(low)))


def draw_roc(found: ROC, title: str = "Odd images told by their ELBO") -> Figure:
    """The curve, and the diagonal of chance."""
    figure = new_figure(4.3, 3.9)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.4, label="chance")
    label = f"AUC {found.auc:.3f} ({found.low:.3f} to {found.high:.3f})"
    axes.plot(found.false_positives, found.true_positives, color="#0072B2", linewidth=1.8, label=label)
    axes.set_aspect("equal")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    tidy(axes, title, "known images called odd", "odd images called odd")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure


def _placements(values: Array, others: Array) -> Array:
    """The share of `others`, sorted, below each value, ties counting half."""
    below, not_above = (np.searchsorted(others, values, side) for side in ("left", "right"))
    return np.asarray((below + not_above) / (2 * len(others)))


def _interval(area: float, odd: int, known: int) -> tuple[float, float]:
    """The areas that lie within 1.96 of their own standard errors of the one found."""
    theta = np.append(np.linspace(0.0, 1.0, AREAS), area)
    half = (odd + known) / 2 - 1
    spread = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
    variance = theta * (1 - theta) * spread / (odd * known)
    within = theta[(theta - area) ** 2 <= NORMAL_975**2 * variance + 1e-18]
    return float(within.min()), float(within.max())
