"""Which latents of a code of points are in use, by how far their means spread."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from pyvae.metrics.estimators.columns import Array

Pruning = Literal["range", "iqr"] | None

RANGE_SHARE, IQR_SHARE = 1 / 20, 1 / 10


def unpruned(means: Array, pruning: Pruning) -> npt.NDArray[np.bool_]:
    """Which latents [D] of codes [N, D] vary, and as widely as the `pruning` asks for.

    "range": more than a twentieth of the widest latent's range. "iqr": more than a tenth of the widest latent's
    interquartile range, which a latent of two values loses that holds one of them in more than three quarters of the
    rows. None: every latent that is not constant.

    Raises:
        ValueError: for another name.
    """
    if pruning not in ("range", "iqr", None):
        raise ValueError(f'pruning must be "range", "iqr" or None, got {pruning!r}.')
    scaled = means / max(1.0, float(np.abs(means).max()))  # no difference overflows
    low, high = np.quantile(scaled, [0.25, 0.75], axis=0) if pruning == "iqr" else (scaled.min(0), scaled.max(0))
    width = high - low
    share = {"range": RANGE_SHARE, "iqr": IQR_SHARE, None: 0.0}[pruning]
    return np.asarray((width > share * width.max()) & (width > 0))
