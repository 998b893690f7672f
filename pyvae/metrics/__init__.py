"""Scores of trained models, one file each, and measures of what a code keeps of the truth.

Scores take a model's codes and give a `Measured`, a number with its interval and its ceiling:

    score = pyvae.metrics.mig(pyvae.metrics.Codes(mu, logvar), factors)
    float(score), score.low, score.high

The other measures, of `estimators`, are functions of tensors, batched over leading axes (stacked models).
"""

from pyvae.deprecated import moved
from pyvae.metrics.active_latents import active_latents
from pyvae.metrics.beta_vae_score import beta_vae_score
from pyvae.metrics.codes import Codes
from pyvae.metrics.dci import DCI, dci
from pyvae.metrics.dci_es import DCIES, dci_es
from pyvae.metrics.dcimig import dcimig
from pyvae.metrics.deprecated import mutual_information_gap
from pyvae.metrics.downstream_accuracy import downstream_accuracy
from pyvae.metrics.estimators.code_information import (
    code_information,
    is_saturated,
    latent_information,
    recovered_information,
)
from pyvae.metrics.estimators.latents import active_by_kl, active_by_variance, is_active, kl_per_latent
from pyvae.metrics.estimators.projection import LinearMap, Score, halves, least_squares, score, sgd_protocol
from pyvae.metrics.evaluate import Evaluation, Metric, evaluate, metrics_among
from pyvae.metrics.explicitness import explicitness
from pyvae.metrics.factor_vae_score import factor_vae_score
from pyvae.metrics.factors import Factors
from pyvae.metrics.gaussian_total_correlation import gaussian_total_correlation
from pyvae.metrics.infomec import infomec
from pyvae.metrics.irs import irs
from pyvae.metrics.jemmig import jemmig
from pyvae.metrics.linear_r2 import linear_r2
from pyvae.metrics.measured import Measured
from pyvae.metrics.mig import MutualInformationGap, mig
from pyvae.metrics.mig_sup import mig_sup
from pyvae.metrics.mine import mine
from pyvae.metrics.minimality import minimality
from pyvae.metrics.modularity import modularity
from pyvae.metrics.mutual_information_score import mutual_information_score
from pyvae.metrics.sap import sap
from pyvae.metrics.statistical_efficiency import statistical_efficiency
from pyvae.metrics.sufficiency import sufficiency
from pyvae.metrics.udr import udr
from pyvae.metrics.wasserstein_correlation import wasserstein_correlation

__all__ = [
    "DCI",
    "DCIES",
    "METRICS",
    "Codes",
    "Evaluation",
    "Factors",
    "LinearMap",
    "Measured",
    "Metric",
    "MutualInformationGap",
    "Score",
    "active_by_kl",
    "active_by_variance",
    "active_latents",
    "beta_vae_score",
    "code_information",
    "dci",
    "dci_es",
    "dcimig",
    "downstream_accuracy",
    "evaluate",
    "explicitness",
    "factor_vae_score",
    "gaussian_total_correlation",
    "halves",
    "infomec",
    "irs",
    "is_active",
    "is_saturated",
    "jemmig",
    "kl_per_latent",
    "latent_information",
    "least_squares",
    "linear_r2",
    "mig",
    "mig_sup",
    "mine",
    "minimality",
    "modularity",
    "mutual_information_gap",
    "mutual_information_score",
    "recovered_information",
    "sap",
    "score",
    "sgd_protocol",
    "statistical_efficiency",
    "sufficiency",
    "udr",
    "wasserstein_correlation",
]

METRICS = metrics_among({name: globals().get(name) for name in __all__}, slow=["dci_es", "mine"])
"""Every score of one model by name: what `evaluate` measures."""

_THEORY = "pyvae.studies.biased_grid.theory"
__getattr__ = moved(
    __name__,
    dict.fromkeys(("ceiling", "collapse_boundary", "constant_decoder_mse", "linear_theory_recovered"), _THEORY),
)
