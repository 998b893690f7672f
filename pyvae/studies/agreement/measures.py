"""What is measured on every model: all scores of pyvae.metrics, some in a second protocol, and what needs no factors.

Those of pyvae.metrics have their own names. A name of a second protocol ends in what it does: "mig_20_bins".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyvae import metrics
from pyvae.metrics import Codes, Factors, Measured, Metric
from pyvae.metrics.evaluate import chosen_metrics
from pyvae.studies import posteriors
from pyvae.studies.posteriors import kl

Array = npt.NDArray[np.float64]


def mig_20_bins(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """MIG of means in 20 bins of equal width, as the large study has it."""
    return metrics.mig(codes, factors, protocol="disentanglement_lib", seed=seed)


def mig_of_means(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """MIG of means, by nearest neighbours on ranks."""
    return metrics.mig(codes, factors, estimator="neighbours", seed=seed)


def modularity_20_bins(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """Modularity of means in 20 bins of equal width, as the large study has it."""
    return metrics.modularity(codes, factors, protocol="disentanglement_lib", seed=seed)


def sap_not_standardised(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """SAP of codes on the scale that they have, as the large study has it."""
    return metrics.sap(codes, factors, protocol="disentanglement_lib", seed=seed)


def explicitness_one_vs_rest(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """Explicitness by one logistic regression for each value, as scikit-learn had it at the time of the large study."""
    return metrics.explicitness(codes, factors, classifier="one-vs-rest", protocol="disentanglement_lib", seed=seed)


def factor_vae_score_absolute(codes: Codes, factors: Factors, *, seed: int = 0) -> Measured:
    """The FactorVAE score with latents left out whose standard deviation is below 0.05, as the large study has it."""
    return metrics.factor_vae_score(codes, factors, protocol="disentanglement_lib", seed=seed)


SECOND_PROTOCOLS = {
    "mig": mig_20_bins,
    "modularity": modularity_20_bins,
    "sap": sap_not_standardised,
    "explicitness": explicitness_one_vs_rest,
    "factor_vae_score": factor_vae_score_absolute,
}
"""By the score that each is another reading of."""


class Aggregate(NamedTuple):
    """Of the aggregate posterior, in nats: I(x; z), and TC(z) = KL(q(z) || prod_d q(z_d))."""

    information: Measured
    total_correlation: Measured


def aggregate(codes: Codes, *, seed: int = 0) -> Aggregate:
    """Two of the three parts of the exact KL."""
    parts = posteriors.aggregate(codes, seed=seed)
    return Aggregate(parts.information, parts.total_correlation)


class Rotated(NamedTuple):
    """Scores of U z, with z the posteriors' means and U a random rotation of all latents."""

    mig: Measured
    sap: Measured
    dci: Measured
    factor_vae_score: Measured
    beta_vae_score: Measured
    downstream_accuracy: Measured


UNROTATED = {
    "mig": "mig_of_means",
    "sap": "sap",
    "dci": "dci_disentanglement",
    "factor_vae_score": "factor_vae_score",
    "beta_vae_score": "beta_vae_score",
    "downstream_accuracy": "downstream_accuracy",
}
"""By the fields of `Rotated`, the scores of the same means as they are."""


def rotated(codes: Codes, factors: Factors, *, seed: int = 0) -> Rotated:
    """Scores of rotated means as points: a rotated posterior is no longer diagonal."""
    turned = Codes(codes.means @ rotation_matrix(codes.means.shape[1], seed).T)
    found = {name: getattr(metrics, name)(turned, factors, seed=seed) for name in Rotated._fields}
    return Rotated(**{**found, "dci": found["dci"].disentanglement})


def rotation_matrix(size: int, seed: int) -> Array:
    """A random orthogonal matrix [size, size], uniform over all (Mezzadri 2007, section 5)."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return np.asarray(q * np.sign(np.diagonal(r)))


def of_every_model() -> list[Metric]:
    """What every model is measured by."""
    others: list[Callable[..., Any]] = [*SECOND_PROTOCOLS.values(), mig_of_means, aggregate, kl]
    return [*chosen_metrics(None), *(Metric(function.__name__, function) for function in others)]


def of_rotated_models() -> list[Metric]:
    """What the models of some seeds are measured by beside that."""
    return [*of_every_model(), Metric("rotated", rotated)]
