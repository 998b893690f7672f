"""Measures of what a code keeps of the truth: one file per measure, every function batched over leading
axes.
"""

from pyvae.metrics.information import ceiling, code_information, is_saturated, recovered_information
from pyvae.metrics.latents import active_by_kl, active_by_variance, kl_per_latent
from pyvae.metrics.mig import MutualInformationGap, mutual_information_gap
from pyvae.metrics.projection import LinearMap, Score, halves, least_squares, score, sgd_protocol
from pyvae.metrics.theory import collapse_boundary, constant_decoder_mse, linear_theory_recovered

__all__ = [
    "LinearMap",
    "MutualInformationGap",
    "Score",
    "active_by_kl",
    "active_by_variance",
    "ceiling",
    "code_information",
    "collapse_boundary",
    "constant_decoder_mse",
    "halves",
    "is_saturated",
    "kl_per_latent",
    "least_squares",
    "linear_theory_recovered",
    "mutual_information_gap",
    "recovered_information",
    "score",
    "sgd_protocol",
]
