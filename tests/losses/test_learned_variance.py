import math

import pytest
import torch

from pyvae.losses import LearnedGaussianReconstruction


def full(x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    density = torch.distributions.Normal(mean, variance.sqrt()).log_prob(x)
    return -density.sum(-1) - 0.5 * x.shape[-1] * math.log(2 * math.pi)


def test_terms_are_the_density_without_its_constant() -> None:
    x, mean = torch.randn(2, 31, 6, dtype=torch.float64)
    shared = LearnedGaussianReconstruction().double()
    pixel = LearnedGaussianReconstruction("pixel", inputs=6).double()
    with torch.no_grad():
        shared.log_variance.fill_(0.7)
        pixel.log_variance.copy_(torch.linspace(-1, 1, 6))
    assert torch.allclose(shared(x, mean), full(x, mean, torch.full_like(x, 0.7).exp()))
    assert torch.allclose(pixel(x, mean), full(x, mean, torch.linspace(-1, 1, 6).double().exp().expand_as(x)))
    optimal = (x - mean).square().mean()
    assert torch.allclose(LearnedGaussianReconstruction("optimal")(x, mean), full(x, mean, optimal.expand_as(x)))


def test_the_optimal_variance_is_where_the_shared_one_is_trained_to() -> None:
    x, mean = torch.randn(64, 6), torch.randn(64, 6)
    shared = LearnedGaussianReconstruction()
    adam = torch.optim.Adam(shared.parameters(), lr=0.05)
    for _ in range(300):
        adam.zero_grad()
        shared(x, mean).mean().backward()
        adam.step()
    best = LearnedGaussianReconstruction("optimal")(x, mean).mean()
    assert float(shared(x, mean).mean()) == pytest.approx(float(best), abs=1e-4)


def test_the_optimal_one_s_gradient_is_that_of_its_value() -> None:
    """Its variance is held fixed in the backward pass: where the term is smallest that changes nothing."""
    x = torch.randn(16, 6, dtype=torch.float64)
    mean = torch.randn(16, 6, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(LearnedGaussianReconstruction("optimal")(x, mean).sum(), mean)
    whole = 0.5 * x.numel() * ((x - mean).square().mean().log() + 1)
    (expected,) = torch.autograd.grad(whole, mean)
    assert torch.allclose(found, expected)


@pytest.mark.parametrize("variance", ["shared", "pixel", "optimal"])
def test_stacked_models_have_variances_of_their_own(variance) -> None:
    x, mean = torch.randn(2, 3, 31, 6)
    one = LearnedGaussianReconstruction(variance, inputs=6)
    stacked = one.for_models(3)
    for k, parameter in enumerate(stacked.parameters()):
        assert parameter.shape[0] == 3
        with torch.no_grad():
            parameter.copy_(torch.randn_like(parameter) + k)
    for k in range(3):
        alone = LearnedGaussianReconstruction(variance, inputs=6)
        if alone.log_variance is not None:
            with torch.no_grad():
                alone.log_variance.copy_(stacked.log_variance[k, 0])
        assert torch.allclose(stacked(x, mean)[k], alone(x[k], mean[k]))


def test_images_that_are_met_exactly_leave_finite_numbers() -> None:
    x = torch.rand(4, 6)
    for variance in ("shared", "pixel", "optimal"):
        likelihood = LearnedGaussianReconstruction(variance, inputs=6)
        if likelihood.log_variance is not None:
            with torch.no_grad():
                likelihood.log_variance.fill_(-200.0)
        mean = x.clone().requires_grad_()
        value = likelihood(x, mean)
        assert torch.allclose(value, torch.full((4,), 3 * math.log(1e-6)))
        value.sum().backward()
        assert mean.grad.isfinite().all()


def test_a_variance_below_the_least_finds_back() -> None:
    likelihood = LearnedGaussianReconstruction()
    adam = torch.optim.Adam(likelihood.parameters(), lr=0.1)
    with torch.no_grad():
        likelihood.log_variance.fill_(-20.0)
    x = torch.randn(64, 6)
    for _ in range(100):
        adam.zero_grad()
        likelihood(x, torch.zeros_like(x)).mean().backward()
        adam.step()
    assert float(likelihood.log_variance.detach().exp()) > 5e-6


def test_images_of_several_axes() -> None:
    x, mean = torch.randn(2, 5, 3, 4, 4)
    flat = LearnedGaussianReconstruction("optimal")(x.flatten(1), mean.flatten(1))
    assert torch.allclose(LearnedGaussianReconstruction("optimal", event_dims=3)(x, mean), flat)
    pixel = LearnedGaussianReconstruction("pixel", inputs=(3, 4, 4), event_dims=3)
    assert pixel(x, mean).shape == (5,) and pixel.for_models(2).log_variance.shape == (2, 1, 3, 4, 4)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="variance must be shared, pixel or optimal, got 'image'"):
        LearnedGaussianReconstruction("image")
    with pytest.raises(ValueError, match="inputs must be the 1 sizes of an image for variance pixel, got None"):
        LearnedGaussianReconstruction("pixel")
    pixel = LearnedGaussianReconstruction("pixel", inputs=784)
    with pytest.raises(ValueError, match=r"x must hold images of the shape \[784\], got \[4, 1\]"):
        pixel(torch.zeros(4, 1), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="for_models must be called once"):
        pixel.for_models(2).for_models(2)
    with pytest.raises(
        ValueError, match=r"x must have axes of models and of the batch before its images, got \[4, 784\]"
    ):
        pixel.for_models(2)(torch.zeros(4, 784), torch.zeros(4, 784))
    with pytest.raises(ValueError, match=r"mean must have the shape of x, \[2, 3\], got \[2, 4\]"):
        LearnedGaussianReconstruction()(torch.zeros(2, 3), torch.zeros(2, 4))
