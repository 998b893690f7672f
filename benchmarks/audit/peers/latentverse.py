"""latentverse: its scores of points; nothing in it takes posteriors."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled

DISTRIBUTION = "latentverse"

COPIES = 10
"""Few, since it also trains networks for its other scores."""

BY_COVARIANCE = "its docstring: by covariance, an approximation; of these points that is exact"


def rows() -> Iterator[Row]:
    for name, law in known.LAWS.items():
        found = sampled(_scores(*points)["MIG"] for points in law.draws(COPIES))
        yield Row(
            "run_disentanglement",
            "MIG",
            f"{name}, {COPIES * math.prod(known.SIZES)} points",
            truth=law.mig,
            unit="",
            **found,
        )
    for scale in known.SCALES:
        of = known.correlated(0.5, scale)
        labels = np.arange(len(of.points)) % 2  # asked for, and no part of a total correlation
        on, value = f"Gaussian points, sd {scale:g}", _scores(of.points, labels)["TC"]
        yield Row("run_disentanglement", "total correlation", on, value, of.total_correlation, note=BY_COVARIANCE)


def _scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, Any]:
    from latentverse import run_disentanglement

    found: dict[str, Any] = run_disentanglement(codes, factors)["metrics"]
    return {name: float(value) for name, value in found.items() if name in ("MIG", "TC")}
