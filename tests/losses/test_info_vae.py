import pytest
import torch

from pyvae import gaussian_kl, losses, reparameterize, squared_mmd
from pyvae.losses.objective import standard_normal_like


def test_the_loss_is_the_equation(posterior, reconstruction) -> None:
    z, mu, logvar = posterior
    prior = standard_normal_like(z, 4)
    for kernel, scales in (("imq", (0.5, 2.0)), ("rbf", (1.0,))):
        objective = losses.InfoVAE(50.0, alpha=0.4, kernel=kernel, scales=scales)
        terms = objective(reconstruction, *posterior, seed=4)
        mmd = squared_mmd(z, prior, kernel=kernel, scales=[10 * scale for scale in scales]).unsqueeze(-1)
        assert torch.allclose(terms.loss, reconstruction + 0.6 * gaussian_kl(mu, logvar) + 50 * mmd)
        assert torch.allclose(terms.mmd, mmd.expand(2, 31))


def test_codes_like_the_prior_cost_nothing_on_average() -> None:
    objective, zeros = losses.InfoVAE(1.0, alpha=1.0), torch.zeros(32, 3)
    same = [reparameterize(zeros, zeros, seed=seed) for seed in range(500)]  # the seed that draws the prior, too
    draws = torch.stack([objective(torch.zeros(32), z, zeros, zeros, seed=k).mmd[0] for k, z in enumerate(same)])
    assert abs(float(draws.mean())) < 3 * float(draws.std()) / 500**0.5
    shifted = objective(torch.zeros(32), 1.5 + torch.randn(32, 3), zeros, zeros, seed=0).mmd[0]
    assert float(shifted) > 10 * float(draws.std())


def test_it_keeps_the_information_that_the_beta_vae_drops() -> None:
    """x is one of two modes, +-1, with a likelihood of variance 1.5: linear theory has the VAE drop its latent, since
    Var(x) < variance. The InfoVAE with alpha = 1 keeps which mode it is.
    """
    x = torch.tensor([1.0, -1.0]).repeat(64).unsqueeze(-1)
    kept = {}
    for name, objective in {"vae": losses.BetaVAE(), "info": losses.InfoVAE(20.0, alpha=1.0)}.items():
        generator = torch.Generator().manual_seed(0)
        w, v, logvar = (torch.tensor(value, requires_grad=True) for value in (0.5, 0.5, -1.0))
        adam = torch.optim.Adam([w, v, logvar], lr=0.02)
        for step in range(1500):
            mu, spread = w * x, logvar.expand(128, 1)
            z = reparameterize(mu, spread, generator=generator)
            terms = objective(losses.gaussian_reconstruction(x, v * z, 1.5), z, mu, spread, seed=step)
            adam.zero_grad()
            terms.loss.mean().backward()
            adam.step()
        # How far the modes' codes lie apart, in standard deviations of a code.
        kept[name] = float((2 * w.abs() / (0.5 * logvar).exp()).detach())
    assert kept["vae"] < 0.3 and kept["info"] > 2


def test_settings_out_of_range_are_refused() -> None:
    for settings, sentence in (
        ({"kernel": "linear"}, "kernel must be imq or rbf, got 'linear'"),
        ({"alpha": 1.5}, "alpha must be a finite number, at most 1, got 1.5"),
        ({"alpha": "1"}, "alpha must be a finite number, at most 1, got 1"),
        ({"scales": "ab"}, "scales must be numbers greater than 0, got ab"),
        ({"scales": ()}, "scales must be numbers greater than 0"),
        ({"scales": (1.0, 0.0)}, "scales must be numbers greater than 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            losses.InfoVAE(**settings)
