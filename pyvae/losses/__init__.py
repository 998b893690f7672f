"""Objectives of variational autoencoders, one file a paper, and the terms they are made of.

An objective is a module with plain settings, called with a batch's terms; it gives the loss with every term by name:

    objective = pyvae.losses.BetaTCVAE(dataset_size=60_000, beta=6.0)
    terms = objective(reconstruction, z, mu, logvar)
    terms.loss.mean().backward()
"""

from pyvae.losses.autoencoder import Autoencoder, AutoencoderTerms, DenoisingAutoencoder
from pyvae.losses.beta_tcvae import BetaTCVAE, BetaTCVAETerms
from pyvae.losses.beta_vae import BetaVAE, BetaVAETerms
from pyvae.losses.clamped_codes import clamped, invariance
from pyvae.losses.controlled_capacity import ControlledCapacity, ControlledCapacityTerms
from pyvae.losses.deprecated import ELBO, SampledKL, beta_tcvae, beta_vae, elbo
from pyvae.losses.dip_vae import DIPVAE, DIPVAETerms
from pyvae.losses.factor_vae import FactorVAE, FactorVAETerms, permuted
from pyvae.losses.free_nats import FreeNats, FreeNatsTerms
from pyvae.losses.info_vae import InfoVAE, InfoVAETerms
from pyvae.losses.information_bound import categorical_information_bound, gaussian_information_bound
from pyvae.losses.learned_variance import LearnedGaussianReconstruction
from pyvae.losses.objective import Objective, Terms
from pyvae.losses.schedules import Schedule, beta_of_normalised, normalised_beta, schedule_of
from pyvae.losses.terms import (
    BernoulliReconstruction,
    GaussianReconstruction,
    NoReconstruction,
    bernoulli_reconstruction,
    gaussian_reconstruction,
    sampled_kl,
    weighted_mean,
)

OBJECTIVES: dict[str, type[Objective]] = {
    objective.name(): objective
    for objective in (
        BetaVAE,
        BetaTCVAE,
        FactorVAE,
        DIPVAE,
        InfoVAE,
        ControlledCapacity,
        FreeNats,
        Autoencoder,
        DenoisingAutoencoder,
    )
}
"""Every objective by the name that configs and the command line have for it."""

__all__ = [
    "DIPVAE",
    "ELBO",
    "OBJECTIVES",
    "Autoencoder",
    "AutoencoderTerms",
    "BernoulliReconstruction",
    "BetaTCVAE",
    "BetaTCVAETerms",
    "BetaVAE",
    "BetaVAETerms",
    "ControlledCapacity",
    "ControlledCapacityTerms",
    "DIPVAETerms",
    "DenoisingAutoencoder",
    "FactorVAE",
    "FactorVAETerms",
    "FreeNats",
    "FreeNatsTerms",
    "GaussianReconstruction",
    "InfoVAE",
    "InfoVAETerms",
    "LearnedGaussianReconstruction",
    "NoReconstruction",
    "Objective",
    "SampledKL",
    "Schedule",
    "Terms",
    "bernoulli_reconstruction",
    "beta_of_normalised",
    "beta_tcvae",
    "beta_vae",
    "categorical_information_bound",
    "clamped",
    "elbo",
    "gaussian_information_bound",
    "gaussian_reconstruction",
    "invariance",
    "normalised_beta",
    "permuted",
    "sampled_kl",
    "schedule_of",
    "weighted_mean",
]
