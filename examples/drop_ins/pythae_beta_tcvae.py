"""
pythae's beta-TCVAE, before and after:

    pip install pythae==0.1.2
    python examples/drop_ins/pythae_beta_tcvae.py

Its default, use_mss=True, divides by M - 1 in a minibatch of M, so that a last one of a single image ends with an
error; and its weights of other images and of an image's own are in each other's places, so that latents which are
independent have a total correlation of several nats. `repaired` is the peer with these weights put right.
"""

import torch
from pythae.models import BetaTCVAE, BetaTCVAEConfig
from torch import Tensor

import pyvae
from pyvae.losses import gaussian_reconstruction


class FusedBetaTCVAE(BetaTCVAE):
    """pythae's beta-TCVAE in memory that is linear in the minibatch, with "mws" where use_mss is False."""

    def loss_function(self, recon_x, x, mu, log_var, z, dataset_size) -> tuple[Tensor, Tensor, Tensor]:
        recon_loss = gaussian_reconstruction(x.flatten(1), recon_x.flatten(1))
        weights = {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}
        objective = pyvae.losses.BetaTCVAE(dataset_size, **weights, estimator="mss" if self.use_mss else "mws")  # after
        terms = objective(recon_loss, z, mu, log_var)  # after
        return terms.loss.mean(), recon_loss.mean(), (terms.loss - recon_loss).mean()


class RepairedBetaTCVAE(BetaTCVAE):
    """pythae's own loss with the weights of stratified sampling in their places (Chen et al. 2018, appendix C.1)."""

    def _log_importance_weight_matrix(self, batch_size: int, dataset_size: int) -> Tensor:
        rows, others = torch.arange(batch_size), batch_size - 1
        weights = torch.full((batch_size, batch_size), 1 / others)
        weights[rows, rows] = 1 / dataset_size
        weights[rows, (rows + 1) % batch_size] = (dataset_size - others) / (dataset_size * others)
        return weights.log()


def before(config: BetaTCVAEConfig) -> BetaTCVAE:
    model = BetaTCVAE(config)  # before
    return model


def repaired(config: BetaTCVAEConfig) -> BetaTCVAE:
    model = RepairedBetaTCVAE(config)
    return model


def after(config: BetaTCVAEConfig) -> BetaTCVAE:
    model = FusedBetaTCVAE(config)  # after
    return model


def train(way, seed: int = 0, steps: int = 5, use_mss: bool = True) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the parameters at the end."""
    torch.manual_seed(seed)
    model = way(BetaTCVAEConfig(input_dim=(1, 8, 8), latent_dim=10, beta=6.0, use_mss=use_mss))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    images = torch.rand(128, 1, 8, 8)
    losses = []
    for _ in range(steps):
        loss = model({"data": images}, dataset_size=10_000).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.detach() for parameter in model.parameters()]


if __name__ == "__main__":
    for way in (before, repaired, after):
        print(way.__name__, train(way)[0])
