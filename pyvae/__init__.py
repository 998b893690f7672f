"""pyvae: fused operations for variational autoencoders, and studies of them on biased data."""

import importlib
from typing import Any

from pyvae import _library

_library.load(__path__)

from pyvae import data, losses, metrics, nn  # noqa: E402
from pyvae.aggregate import AggregateKL, AggregatePosterior, Estimate, aggregate_posterior  # noqa: E402
from pyvae.bank import PosteriorBank  # noqa: E402
from pyvae.ops import (  # noqa: E402  (the ops register themselves with the loaded library)
    KLDecomposition,
    LogDensity,
    SampleWithKL,
    cpu_isa,
    gaussian_kl,
    kl_decomposition,
    minibatch_log_density,
    reparameterize,
    reparameterize_with_kl,
    set_cpu_isa,
    squared_mmd,
    stacked_affine,
)
from pyvae.posterior import Posterior  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "AggregateKL",
    "AggregatePosterior",
    "Estimate",
    "KLDecomposition",
    "LogDensity",
    "Posterior",
    "PosteriorBank",
    "SampleWithKL",
    "aggregate_posterior",
    "cpu_isa",
    "data",
    "gaussian_kl",
    "kl_decomposition",
    "losses",
    "metrics",
    "minibatch_log_density",
    "nn",
    "reparameterize",
    "reparameterize_with_kl",
    "set_cpu_isa",
    "squared_mmd",
    "stacked_affine",
]


def __getattr__(name: str) -> Any:
    """Rooms that need more than torch are loaded when they are asked for."""
    if name in ("studies", "training"):
        return importlib.import_module(f"pyvae.{name}")
    raise AttributeError(f"module 'pyvae' has no attribute {name!r}")
