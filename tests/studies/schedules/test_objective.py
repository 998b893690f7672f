"""The objective that follows the posterior's deviation is BetaVAE's in all else."""

import torch

from pyvae.losses import BetaVAE
from pyvae.studies.schedules.objective import FollowedBetaVAE


def test_it_is_the_beta_vae_and_the_mean_deviation() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(2, 3, 5, 4).unbind(0)
    mu, logvar = mu.requires_grad_(), logvar.requires_grad_()
    settings = {"schedule": "linear(100, 1, 80%)"}
    own, plain = (kind(torch.tensor([[1.0], [2.0], [3.0]]), **settings) for kind in (FollowedBetaVAE, BetaVAE))
    reconstruction = torch.rand(3, 5)
    followed, terms = (one.within(50)(reconstruction, mu, mu, logvar, step=7) for one in (own, plain))
    assert torch.equal(followed.loss, terms.loss) and torch.equal(followed.kl, terms.kl)
    assert torch.allclose(followed.posterior_std, (logvar / 2).exp().mean(-1))
    assert not followed.posterior_std.requires_grad
    assert torch.autograd.grad(followed.loss.sum(), logvar)[0].abs().sum() > 0
