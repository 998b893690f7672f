"""Scores of trained models, and measures of what a code keeps of the truth; one file each.

Scores take a model's codes and give a `Measured`, a number with its interval and its ceiling:

    score = pyvae.metrics.mig(pyvae.metrics.Codes(mu, logvar), factors)
    float(score), score.low, score.high

The other measures are functions of tensors, batched over leading axes (stacked models).
"""

from pyvae.deprecated import moved
from pyvae.metrics.active_latents import active_latents, is_active
from pyvae.metrics.codes import Codes
from pyvae.metrics.deprecated import mutual_information_gap
from pyvae.metrics.factors import Factors
from pyvae.metrics.information import code_information, is_saturated, latent_information, recovered_information
from pyvae.metrics.latents import active_by_kl, active_by_variance, kl_per_latent
from pyvae.metrics.measured import Measured
from pyvae.metrics.mig import MutualInformationGap, mig
from pyvae.metrics.projection import LinearMap, Score, halves, least_squares, score, sgd_protocol

__all__ = [
    "Codes",
    "Factors",
    "LinearMap",
    "Measured",
    "MutualInformationGap",
    "Score",
    "active_by_kl",
    "active_by_variance",
    "active_latents",
    "code_information",
    "halves",
    "is_active",
    "is_saturated",
    "kl_per_latent",
    "latent_information",
    "least_squares",
    "mig",
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
