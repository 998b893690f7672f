"""The bins of disentanglement_lib: of equal width between the least and the greatest value."""

import numpy as np
import numpy.typing as npt

from pyvae.metrics.estimators.columns import Array

# Of values outside these the width of a bin may overflow or vanish: they are binned on a scale of their own.
_LEAST, _MOST = 1e-100, 1e100


def equal_width(column: Array, bins: int) -> npt.NDArray[np.int64]:
    """The bin of each value [N], from 0.

    Of the values as they are: on another scale, one on an edge could fall on the edge's other side.
    """
    peak = float(np.abs(column).max())
    values = column if peak == 0 or _LEAST < peak < _MOST else column / peak
    if np.ptp(values) < 1e-13 * np.abs(values).max():
        return np.zeros(len(column), dtype=np.int64)  # no edges fit between them
    return np.asarray(np.digitize(values, np.histogram(values, bins)[1][:-1]) - 1, dtype=np.int64)
