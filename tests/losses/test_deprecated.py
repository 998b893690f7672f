"""Earlier names warn, and give what the new ones give."""

import pytest
import torch

from pyvae import losses


def test_functions_warn_and_call_the_new_ones(posterior, reconstruction) -> None:
    z, mu, logvar = posterior
    new = losses.BetaVAE(4.0)(reconstruction, z, mu, logvar)
    with pytest.warns(FutureWarning, match=r"losses.beta_vae will be removed in pyvae 0.2: use losses.BetaVAE"):
        assert torch.equal(losses.beta_vae(reconstruction, new.kl, 4.0), new.loss)
    with pytest.warns(FutureWarning, match="losses.elbo"):
        assert torch.equal(losses.elbo(reconstruction, new.kl), -(reconstruction + new.kl))
    with pytest.warns(FutureWarning, match="losses.beta_tcvae will be removed"):
        loss = losses.beta_tcvae(reconstruction, z, mu, logvar, dataset_size=99, beta=2.0)
    assert torch.equal(loss, losses.BetaTCVAE(99, beta=2.0)(reconstruction, z, mu, logvar).loss)


def test_modules_warn_when_they_are_made(posterior, reconstruction) -> None:
    z, mu, logvar = posterior
    with pytest.warns(FutureWarning, match=r"losses.SampledKL\(\) .* use the function losses.sampled_kl"):
        assert torch.equal(losses.SampledKL()(z, mu, logvar), losses.sampled_kl(z, mu, logvar))
    with pytest.warns(FutureWarning, match=r"losses.ELBO\(\) .* use losses.BetaVAE\(\)"):
        elbo = losses.ELBO(kl="sampled")
    assert "kl=sampled" in repr(elbo) and losses.ELBO.from_config(elbo.to_config()).kl == "sampled"
    assert torch.equal(elbo(reconstruction, z, mu, logvar).loss, reconstruction + losses.sampled_kl(z, mu, logvar))


def test_refusals_are_as_they_were() -> None:
    with pytest.warns(FutureWarning), pytest.raises(ValueError, match=r"beta must be at least 0, got -1\.0"):
        losses.beta_vae(torch.zeros(1), torch.zeros(1), -1.0)
    with pytest.warns(FutureWarning), pytest.raises(ValueError, match=r"the shape of kl, \[3\], got \[3, 1\]"):
        losses.beta_vae(torch.zeros(3, 1), torch.zeros(3))
