import pytest
import torch

import pyvae
from pyvae.losses import GaussianReconstruction
from pyvae.nn import StackedVAE
from pyvae.pictures import (
    Encoded,
    NothingToShow,
    OneOfStack,
    encoded,
    interpolation,
    negative_elbo,
    order,
    quantiles,
    reconstruction,
    usage,
)
from tests.pictures.linear import Broken, Linear, images


def test_codes_come_in_the_order_of_images_in_parts_or_at_once(monkeypatch) -> None:
    x, model = images(), Linear()
    whole = encoded(model, x)
    monkeypatch.setattr("pyvae.pictures.codes.AT_ONCE", 7)
    parts = encoded(model, x)
    assert torch.equal(whole.mu, parts.mu) and torch.equal(whole.mu, model.encode(x)[0])
    assert whole.logvar is not None and encoded(model, x, deterministic=True).logvar is None


def test_latents_are_in_order_of_their_kl_or_variance() -> None:
    codes = encoded(Linear(), images())
    torch.testing.assert_close(usage(codes), pyvae.metrics.kl_per_latent(codes.mu, codes.logvar))
    assert order(codes).tolist() == [1, 0, 2]
    assert order(Encoded(codes.mu, None)).tolist() == [1, 0, 2]
    torch.testing.assert_close(usage(Encoded(codes.mu, None)), codes.mu.var(0, correction=0))


def test_quantiles_are_those_of_the_aggregate_posterior() -> None:
    shares = torch.tensor([0.025, 0.5, 0.975])
    codes = Encoded(torch.zeros(50, 2), torch.log(torch.tensor([[1.0, 4.0]])).expand(50, 2).contiguous())
    found = quantiles(codes, shares, samples=100_000)
    torch.testing.assert_close(found[0], torch.tensor([-1.96, 0.0, 1.96]), rtol=0.03, atol=0.03)
    torch.testing.assert_close(found[1], 2 * found[0], rtol=0.05, atol=0.05)
    points = Encoded(torch.arange(101.0)[:, None], None)
    torch.testing.assert_close(quantiles(points, torch.tensor([0.1, 0.9])), torch.tensor([[10.0, 90.0]]))


def test_what_has_no_codes_is_a_sentence() -> None:
    with pytest.raises(NothingToShow, match=r"not finite: it has diverged"):
        encoded(Broken(), images())
    with pytest.raises(ValueError, match=r"images must hold at least one image"):
        encoded(Linear(), images(0))


class Flat(torch.nn.Module):
    """A model of one's own that takes flat images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(16, 4)

    def encode(self, x):
        return self.layer(x).chunk(2, -1)

    def decode(self, z):
        return z


@pytest.mark.parametrize("model", [Flat(), OneOfStack(StackedVAE(1, 16, (8,), 2, seeds=[0]))])
def test_images_of_another_shape_are_one_sentence(model) -> None:
    likelihood = GaussianReconstruction()
    for picture in (
        lambda x: encoded(model, x),
        lambda x: reconstruction(model, x),
        lambda x: interpolation(model, x, x),
        lambda x: negative_elbo(model, x, likelihood),
    ):
        with pytest.raises(ValueError, match=r"^images must have the shape that .* flat ones, got \[5, 4, 4\]$"):
            picture(torch.rand(5, 4, 4))
    assert encoded(model, torch.rand(5, 16)).mu.shape == (5, 2)
