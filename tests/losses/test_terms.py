import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from pyvae import losses

pytestmark = pytest.mark.usefixtures("device")


def test_gaussian_reconstruction_is_the_log_likelihood_without_its_constant() -> None:
    x, mean = torch.randn(2, 3, 7, 20, dtype=torch.float64)
    expected = -Normal(mean, 0.5).log_prob(x).sum(-1) - 10 * math.log(2 * math.pi * 0.25)
    assert torch.allclose(losses.gaussian_reconstruction(x, mean, 0.25), expected)


def test_bernoulli_reconstruction_is_the_log_likelihood() -> None:
    x, logits = torch.rand(3, 20, dtype=torch.float64).round(), torch.randn(3, 20, dtype=torch.float64)
    expected = -Bernoulli(logits=logits).log_prob(x).sum(-1)
    assert torch.allclose(losses.bernoulli_reconstruction(x, logits), expected)


@pytest.mark.parametrize("function", [losses.gaussian_reconstruction, losses.bernoulli_reconstruction])
def test_event_dims_are_the_axes_of_one_image(function) -> None:
    x, decoded = torch.rand(2, 6, 3, 5, 4, dtype=torch.float64)
    flat = function(x.flatten(1), decoded.flatten(1))
    assert torch.allclose(function(x, decoded, event_dims=3), flat)
    assert function(x, decoded).shape == (6, 3, 5)
    assert function(x, decoded, event_dims=4).shape == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_summed_in_float32(dtype) -> None:
    x, decoded = (300 * torch.rand(2, 4, 3 * 64 * 64)).to(dtype)
    expected = losses.gaussian_reconstruction(x.double(), decoded.double())
    found = losses.gaussian_reconstruction(x, decoded)
    assert found.dtype == torch.float32 and torch.allclose(found.double(), expected, rtol=1e-5)
    x, logits = x / 300, decoded / 100
    expected = losses.bernoulli_reconstruction(x.double(), logits.double())
    assert torch.allclose(losses.bernoulli_reconstruction(x, logits).double(), expected, rtol=1e-5)
    z, mu, logvar = torch.randn(3, 4, 10).to(dtype)
    expected = losses.sampled_kl(z.double(), mu.double(), logvar.double())
    assert torch.allclose(losses.sampled_kl(z, mu, logvar).double(), expected, rtol=1e-5)


def test_sampled_kl_is_the_difference_of_log_densities(posterior) -> None:
    z, mu, logvar = posterior
    expected = (Normal(mu, (0.5 * logvar).exp()).log_prob(z) - Normal(0, 1).log_prob(z)).sum(-1)
    assert torch.allclose(losses.sampled_kl(z, mu, logvar), expected)


def test_sampled_kl_is_unbiased() -> None:
    mu, logvar = torch.full((200_000, 2), 0.7), torch.full((200_000, 2), -1.0)
    samples = losses.sampled_kl(mu + (0.5 * logvar).exp() * torch.randn_like(mu), mu, logvar)
    exact = 2 * kl_divergence(Normal(0.7, math.exp(-0.5)), Normal(0.0, 1.0))
    assert float(samples.mean()) == pytest.approx(float(exact), abs=5 * float(samples.std()) / 200_000**0.5)


def test_modules_are_their_functions_and_print_their_settings() -> None:
    x, mean = torch.rand(2, 4, 6, 5)
    gaussian = losses.GaussianReconstruction(0.25, event_dims=2)
    assert torch.equal(gaussian(x, mean), losses.gaussian_reconstruction(x, mean, 0.25, event_dims=2))
    assert repr(gaussian) == "GaussianReconstruction(variance=0.25, event_dims=2)"
    bernoulli = losses.BernoulliReconstruction()
    assert torch.equal(bernoulli(x, mean), losses.bernoulli_reconstruction(x, mean))
    assert repr(bernoulli) == "BernoulliReconstruction(event_dims=1)"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: losses.GaussianReconstruction(0), "variance must be greater than 0, got 0"),
        (lambda: losses.GaussianReconstruction(event_dims=0), "event_dims must be at least 1, got 0"),
        (lambda: losses.BernoulliReconstruction(event_dims=0), "event_dims must be at least 1, got 0"),
        (lambda: losses.gaussian_reconstruction(torch.zeros(1), torch.zeros(1), -1), "variance must be greater than 0"),
        (
            lambda: losses.gaussian_reconstruction(torch.zeros(3), torch.zeros(3, 1)),
            r"mean must have the shape of x, \[3\], got \[3, 1\]",
        ),
        (
            lambda: losses.bernoulli_reconstruction(torch.zeros(3), torch.zeros(4)),
            r"logits must have the shape of x, \[3\], got \[4\]",
        ),
        (
            lambda: losses.bernoulli_reconstruction(torch.zeros(3), torch.zeros(3), event_dims=3),
            r"x must have at least the 3 axes that event_dims sums, got \[3\]",
        ),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64])
def test_images_of_whole_numbers_are_refused(dtype) -> None:
    images, decoded = torch.ones(2, 4, dtype=dtype), torch.zeros(2, 4)
    for function in (losses.gaussian_reconstruction, losses.bernoulli_reconstruction):
        with pytest.raises(TypeError, match="x must be a floating tensor, images scaled to the likelihood's range"):
            function(images, decoded)


@pytest.mark.parametrize("variance", [torch.ones(20), torch.nn.Parameter(torch.tensor(0.5)), "0.5"])
def test_a_variance_that_is_learned_is_refused(variance) -> None:
    """Without log(variance) in the loss it would grow without end."""
    x = torch.zeros(2, 20)
    for call in (
        lambda: losses.gaussian_reconstruction(x, x, variance),
        lambda: losses.GaussianReconstruction(variance),
    ):
        with pytest.raises(TypeError, match=r"variance must be a number, got .*: a variance that is learned needs"):
            call()
