"""Where linear theory predicts collapse, as a line across the cells of a map over (beta, mu)."""

import numpy as np

from pyvae.data import BlockGrid
from pyvae.studies.biased_grid.results import Array
from pyvae.studies.biased_grid.theory import collapse_boundary

SMALLEST_BETA = 1e-3  # where beta = 0 stands on the logarithmic scale between cells


def boundary_line(mus: Array, betas: Array, grid: BlockGrid, points: int = 200) -> tuple[Array, Array]:
    """The boundary beta*(mu) in cell coordinates (columns, rows): interpolated in log beta and in mu between
    cells.

    Beyond the outermost cells both scales continue with the spacing of the last two, so the line leaves the
    map where it should.
    """
    rows = np.linspace(-0.5, len(mus) - 0.5, points)
    mu = _continued(rows, np.arange(len(mus), dtype=np.float64), mus)
    beta = np.array([collapse_boundary(m, pixels=grid.pixels**2, noise_variance=grid.noise_variance) for m in mu])
    log_betas = np.log(np.maximum(betas, SMALLEST_BETA))
    columns = _continued(np.log(beta), log_betas, np.arange(len(betas), dtype=np.float64))
    return columns, rows


def _continued(x: Array, xs: Array, ys: Array) -> Array:
    """Linear interpolation through (xs, ys), continued with the slope of the outermost segments (of 1 for
    one point).
    """
    if len(xs) == 1:
        return np.asarray(ys[0] + (x - xs[0]))
    segment = np.clip(np.searchsorted(xs, x) - 1, 0, len(xs) - 2)
    gradient = (ys[segment + 1] - ys[segment]) / (xs[segment + 1] - xs[segment])
    return np.asarray(ys[segment] + gradient * (x - xs[segment]))
