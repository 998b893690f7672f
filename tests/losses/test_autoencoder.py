import pytest
import torch

from pyvae import losses


def test_the_loss_is_the_reconstruction_and_the_codes_norm(posterior, reconstruction) -> None:
    _, mu, _ = posterior
    assert torch.equal(losses.Autoencoder()(reconstruction, *posterior).loss, reconstruction)
    terms = losses.Autoencoder(0.5)(reconstruction, *posterior)
    assert torch.allclose(terms.loss, reconstruction + 0.5 * mu.square().sum(-1) / 2)
    assert torch.equal(losses.DenoisingAutoencoder()(reconstruction, *posterior).loss, reconstruction)


def test_gaussian_noise_has_its_deviation_and_its_schedule() -> None:
    x = torch.rand(2, 500, 40)
    strengths = torch.tensor([[0.1], [0.5]])
    objective = losses.DenoisingAutoencoder(strengths, schedule="warmup(10)")
    for step, share in ((0, 0.0), (5, 0.5), (None, 1.0)):
        noise = objective.prepare(x, step=step, seed=torch.tensor([3, 4])) - x
        assert torch.allclose(noise.std((1, 2)), share * strengths.flatten(), rtol=0.03, atol=1e-6)


def test_masking_leaves_out_its_share() -> None:
    x = 1 + torch.rand(2, 500, 40)
    seen = losses.DenoisingAutoencoder(torch.tensor([[0.1], [0.5]]), noise="masking").prepare(x, seed=7)
    assert torch.allclose((seen == 0).float().mean((1, 2)), torch.tensor([0.1, 0.5]), atol=0.015)
    assert torch.equal(seen[seen != 0], x[seen != 0])
    for share, left in ((0.0, 1.0), (1.0, 0.0), (3.0, 0.0)):
        kept = losses.DenoisingAutoencoder(share, noise="masking").prepare(x, seed=7) != 0
        assert float(kept.float().mean()) == left


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
@pytest.mark.parametrize("corruption", [0.5, torch.full((2, 1), 0.5)])
def test_half_types_are_corrupted_too(noise, corruption) -> None:
    seen = losses.DenoisingAutoencoder(corruption, noise=noise).prepare(
        torch.ones(2, 8, 9, dtype=torch.float16), seed=1
    )
    assert seen.dtype == torch.float16 and (seen != 1).any()


def test_a_stacked_model_sees_what_it_sees_alone() -> None:
    x, seeds = torch.rand(2, 16, 9), torch.tensor([3, 4])
    for noise in ("gaussian", "masking"):
        objective = losses.DenoisingAutoencoder(0.4, noise=noise)
        together = objective.prepare(x, seed=seeds)
        assert torch.equal(together, objective.prepare(x, seed=seeds))
        for k in range(2):
            assert torch.equal(together[k], objective.prepare(x[k], seed=int(seeds[k])))


def test_other_objectives_see_the_images() -> None:
    x = torch.rand(4, 9)
    assert losses.BetaVAE().prepare(x, step=3, seed=1) is x


def test_a_denoising_autoencoder_learns_the_wiener_filter() -> None:
    """A linear one, x ~ N(0, 1) and noise of variance c^2: its slope is 1 / (1 + c^2), and a plain one's is 1."""
    objective = losses.DenoisingAutoencoder(0.7)
    slope = torch.zeros(1, requires_grad=True)
    adam, generator = torch.optim.Adam([slope], lr=0.01), torch.Generator().manual_seed(0)
    for step in range(1500):
        x = torch.randn(512, 1, generator=generator)
        code = slope * objective.prepare(x, seed=step)
        terms = objective(losses.gaussian_reconstruction(x, code), code, code, code)
        adam.zero_grad()
        terms.loss.mean().backward()
        adam.step()
    assert float(slope.detach()) == pytest.approx(1 / (1 + 0.49), abs=0.02)


def test_the_noise_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="noise must be gaussian or masking, got 'salt'"):
        losses.DenoisingAutoencoder(noise="salt")
