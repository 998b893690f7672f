"""Pictures of one trained model: what its latents draw, what it reconstructs, where codes lie, what it finds odd.

One file a picture. They take any model with `encode(images) -> (mu, logvar)` and `decode(z)`, one of a stack as
`OneOfStack`, and give arrays or figures; pages that are made of them are in pyvae.pages.
"""

from pyvae.pictures.codes import Encoded, encoded, order, quantiles, usage
from pyvae.pictures.embedding import Embedding, draw_embedding, pca, tsne
from pyvae.pictures.gif import gif
from pyvae.pictures.interpolation import interpolation
from pyvae.pictures.latent_factors import LatentFactors, draw_latent_factors, latent_factors
from pyvae.pictures.model import Model, NothingToShow, OneOfStack
from pyvae.pictures.outliers import ROC, draw_roc, negative_elbo, roc, unusual
from pyvae.pictures.reconstruction import reconstruction
from pyvae.pictures.samples import prior_samples
from pyvae.pictures.traversal import FurthestTraversal, furthest_traversal, quantile_traversal, traversal

__all__ = [
    "ROC",
    "Embedding",
    "Encoded",
    "FurthestTraversal",
    "LatentFactors",
    "Model",
    "NothingToShow",
    "OneOfStack",
    "draw_embedding",
    "draw_latent_factors",
    "draw_roc",
    "encoded",
    "furthest_traversal",
    "gif",
    "interpolation",
    "latent_factors",
    "negative_elbo",
    "order",
    "pca",
    "prior_samples",
    "quantile_traversal",
    "quantiles",
    "reconstruction",
    "roc",
    "traversal",
    "tsne",
    "unusual",
    "usage",
]
