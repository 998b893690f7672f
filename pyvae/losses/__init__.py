"""Objectives of variational autoencoders, one file a paper, and the terms they are made of.

An objective is a module with plain settings, called with a batch's terms; it gives the loss with every term by name:

    objective = pyvae.losses.BetaTCVAE(dataset_size=60_000, beta=6.0)
    terms = objective(reconstruction, z, mu, logvar)
    terms.loss.mean().backward()
"""

from pyvae.losses.beta_tcvae import BetaTCVAE, BetaTCVAETerms
from pyvae.losses.beta_vae import BetaVAE, BetaVAETerms
from pyvae.losses.deprecated import ELBO, SampledKL, beta_tcvae, beta_vae, elbo
from pyvae.losses.objective import Objective, Terms
from pyvae.losses.terms import (
    BernoulliReconstruction,
    GaussianReconstruction,
    bernoulli_reconstruction,
    gaussian_reconstruction,
    sampled_kl,
)

OBJECTIVES: dict[str, type[Objective]] = {objective.name(): objective for objective in (BetaVAE, BetaTCVAE)}
"""Every objective by the name that configs and the command line have for it."""

__all__ = [
    "ELBO",
    "OBJECTIVES",
    "BernoulliReconstruction",
    "BetaTCVAE",
    "BetaTCVAETerms",
    "BetaVAE",
    "BetaVAETerms",
    "GaussianReconstruction",
    "Objective",
    "SampledKL",
    "Terms",
    "bernoulli_reconstruction",
    "beta_tcvae",
    "beta_vae",
    "elbo",
    "gaussian_reconstruction",
    "sampled_kl",
]
