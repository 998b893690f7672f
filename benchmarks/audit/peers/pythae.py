"""pythae: its models' loss functions, which take mu and log_var; no model is trained."""

from collections.abc import Iterator

import torch

from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled
from benchmarks.estimator_peers import pythae as beta_tcvae

DISTRIBUTION = "pythae"

QUANTITIES = {
    "mutual_information": "mutual information",
    "total_correlation": "total correlation",
    "dimwise_kl": "dimension-wise KL",
}
NOTES = {
    True: "the weights of the copied scripts (docs/ops.md); any minibatch estimate is biased, pyvae's mss as well",
    False: "minibatch weights carry log N in each density by their definition (Chen et al. 2018)",
}


def rows() -> Iterator[Row]:
    yield from _kl()
    yield _sphere()
    for use_mss in (True, False):
        yield from _decomposition(use_mss=use_mss)


def _kl() -> Iterator[Row]:
    from pythae.models import VAE, VAEConfig

    model = VAE(VAEConfig(input_dim=(1,), latent_dim=known.LATENTS))
    for spread in (1.0, 0.02):
        of = known.flat(spread)
        image = torch.zeros(known.ROWS, 1)
        found = model.loss_function(image, image, of.mu, of.logvar, of.mu)[2]
        yield Row("VAE.loss_function", "KL", f"10 latents, s = {spread:g}", float(found), of.kl)


def _sphere() -> Row:
    from pythae.models import SVAE, SVAEConfig

    of = known.sphere()
    model, image = SVAE(SVAEConfig(input_dim=(1,), latent_dim=of.loc.shape[-1])), torch.zeros(known.ROWS, 1)
    found = model.loss_function(image, image, of.loc, of.concentration, of.loc)[2]
    return Row("SVAE.loss_function", "KL", "von Mises-Fisher on a sphere in 5 dimensions", float(found), of.kl)


def _decomposition(*, use_mss: bool) -> Iterator[Row]:
    of, peer = known.minibatches(), beta_tcvae(use_mss=use_mss)
    found = [peer.values(*batch, of.dataset_size) for batch in zip(of.z, of.mu, of.logvar, strict=True)]
    call = f"BetaTCVAE.loss_function, use_mss={use_mss}"
    for name, quantity in QUANTITIES.items():
        estimates = sampled(batch[name] for batch in found)
        yield Row(call, quantity, "perfect code, M = 64", truth=of.truth[quantity], note=NOTES[use_mss], **estimates)
