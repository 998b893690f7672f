"""What each latent tells of each factor, as a heat map."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from pyvae.metrics import Codes, Factors
from pyvae.metrics.estimators.information import information_of
from pyvae.pictures.codes import Encoded, order
from pyvae.pictures.model import NothingToShow
from pyvae.plotting.heat_map import Axis, Map, draw_map

SAMPLES = 4000
"""Of the aggregate posterior: the error of an entry is about 0.01 nats, less than a map prints."""


class LatentFactors(NamedTuple):
    """I(z_d; v_k) over H(v_k), [D, K]; the latents that rows are of, and the factors' names."""

    shares: npt.NDArray[np.float64]
    latents: tuple[int, ...]
    factors: tuple[str, ...]


def latent_factors(codes: Encoded, factors: Factors, *, samples: int = SAMPLES, seed: int = 0) -> LatentFactors:
    """Information of latents and factors as a share of the factor's entropy, the latent most in use first.

    By the exact aggregate posterior, of deterministic codes by nearest neighbours; what an estimate's error puts below
    0 or above 1 is put back. Factors with one value among these images are left out.

    Raises NothingToShow where no factor is left, ValueError for another number of rows than codes.
    """
    if len(factors) != len(codes.mu):
        raise ValueError(f"factors must have a row for each of the {len(codes.mu)} codes, got {len(factors)}")
    kept = [k for k, size in enumerate(factors.sizes) if size > 1]
    if not kept:
        raise NothingToShow(
            "No factor takes two values among these images, so there is nothing that a latent can tell."
        )
    about = Factors(factors.labels[:, kept], [factors.names[k] for k in kept])
    latents = order(codes)
    means, logvars = codes.mu[:, latents], None if codes.logvar is None else codes.logvar[:, latents]
    found = information_of(Codes(means.contiguous(), _contiguous(logvars)), about, samples=samples, seed=seed)
    return LatentFactors(np.clip(found.value / about.entropies, 0.0, 1.0), tuple(latents.tolist()), about.names)


def draw_latent_factors(found: LatentFactors) -> Figure:
    """The map: a row for each latent, the one most in use on top, a column for each factor."""
    rows, columns = found.shares[::-1], np.array(found.factors)
    chart = Map("Information of latents about factors", "share of the factor's entropy", rows[..., None], 2, 1.0)
    labels = Axis("latent", np.array([f"z{latent}" for latent in reversed(found.latents)]))
    return draw_map(chart, labels, Axis("factor", columns))


def _contiguous(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.contiguous()
