"""Measures of what a code keeps of the truth: one file per measure, every function batched over leading
axes.
"""

from pyvae.deprecated import moved
from pyvae.metrics.information import code_information, is_saturated, recovered_information
from pyvae.metrics.latents import active_by_kl, active_by_variance, kl_per_latent
from pyvae.metrics.mig import MutualInformationGap, mutual_information_gap
from pyvae.metrics.projection import LinearMap, Score, halves, least_squares, score, sgd_protocol

__all__ = [
    "LinearMap",
    "MutualInformationGap",
    "Score",
    "active_by_kl",
    "active_by_variance",
    "code_information",
    "halves",
    "is_saturated",
    "kl_per_latent",
    "least_squares",
    "mutual_information_gap",
    "recovered_information",
    "score",
    "sgd_protocol",
]

_THEORY = "pyvae.studies.biased_grid.theory"
__getattr__ = moved(
    __name__,
    dict.fromkeys(("ceiling", "collapse_boundary", "constant_decoder_mse", "linear_theory_recovered"), _THEORY),
)
