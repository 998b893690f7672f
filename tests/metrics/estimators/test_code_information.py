"""Information with known answers: quadrature against Monte Carlo, Gaussian channels, separated and equal posteriors."""

import math

import pytest
import torch

from pyvae.metrics import is_active
from pyvae.metrics.estimators.code_information import (
    code_information,
    image_information,
    is_saturated,
    label_information,
    latent_information,
    recovered_information,
)
from pyvae.studies.biased_grid.theory import ceiling, linear_theory_recovered


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_a_gaussian_channel_is_recovered_exactly(noise: float) -> None:
    truth = torch.randn(2, 20_000, 3)
    mixing = torch.randn(3, 3, dtype=torch.float64).matrix_exp().float()  # any invertible code of it will do
    code = (truth + noise * torch.randn_like(truth)) @ mixing
    capacity = 0.5 * math.log(1 + 1 / noise**2)
    recovered = recovered_information(code, truth)
    assert recovered.shape == (2, 3)
    torch.testing.assert_close(recovered, torch.full_like(recovered, capacity), atol=0.03, rtol=0.03)


def test_recovered_information_stays_below_the_ceiling() -> None:
    """The best linear code of a noised image, its block means, recovers less than the image holds."""
    for mu in (0.0, 2.0, 3.0):
        truth = mu + torch.randn(20_000, 9)
        means = truth.sigmoid() + math.sqrt(0.25 / 49) * torch.randn_like(truth)
        recovered = recovered_information(means, truth).sum().item()
        assert recovered == pytest.approx(linear_theory_recovered(mu, beta=0), rel=0.08)  # up to sampling error
        assert recovered < ceiling(mu)


def test_an_unrelated_code_recovers_nothing() -> None:
    truth = torch.randn(4096, 9)
    assert recovered_information(torch.randn(4096, 9), truth).sum() < 0.02
    assert torch.equal(recovered_information(torch.zeros(4096, 9), truth) < 1e-3, torch.ones(9, dtype=torch.bool))
    with pytest.raises(ValueError, match="4 samples"):
        recovered_information(truth[:3], truth[:3])


def test_over_fitting_is_not_counted() -> None:
    """With as many latents as samples to fit, the fit is perfect and worthless."""
    assert recovered_information(torch.randn(100, 49), torch.randn(100, 1)).item() == 0


def test_separated_posteriors_hold_the_log_of_their_number() -> None:
    mu = 100.0 * torch.arange(64.0)[:, None].expand(2, 64, 3)
    information = code_information(mu.contiguous(), mu.contiguous(), torch.zeros(2, 64, 3))
    torch.testing.assert_close(information, torch.full((2,), math.log(64)))
    assert is_saturated(information, 64).all()


def test_equal_posteriors_hold_nothing() -> None:
    information = code_information(torch.randn(64, 3), torch.zeros(64, 3), torch.zeros(64, 3))
    assert information.item() == pytest.approx(0, abs=1e-5)
    assert not is_saturated(information, 64)


def test_code_information_is_the_definition() -> None:
    mu, logvar = torch.randn(50, 2, dtype=torch.float64), 0.3 * torch.randn(50, 2, dtype=torch.float64)
    z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    log_all = torch.distributions.Normal(mu, (0.5 * logvar).exp()).log_prob(z[:, None]).sum(-1)  # [z, posterior]
    expected = (log_all.diagonal() - log_all.logsumexp(1) + math.log(50)).mean()
    torch.testing.assert_close(code_information(z, mu, logvar), expected)
    assert expected < math.log(50)


def test_information_of_each_latent_is_that_of_its_channel_and_0_where_it_collapsed() -> None:
    capacities = torch.tensor([0.0, 0.02, 1.0])
    variance = 0.09 * (2 * capacities).expm1()
    mu = variance.sqrt() * torch.randn(2, 4000, 3)
    logvar = torch.full_like(mu, math.log(0.09))
    found = latent_information(mu + 0.3 * torch.randn_like(mu), mu, logvar)
    assert found.value.shape == (2, 3)
    assert ((found.value - capacities).abs() < 5 * found.standard_error + 0.03 * capacities + 1e-5).all()
    assert is_active(found).tolist() == [[False, True, True]] * 2


def _four_images() -> tuple[torch.Tensor, torch.Tensor]:
    """A factor of two values that one latent tells by `distance`, and one of three that nothing tells."""
    labels = torch.cartesian_prod(torch.arange(2), torch.arange(3))
    return labels, torch.stack([4.0 * labels[:, 0] - 2, torch.zeros(6)], -1)


@pytest.mark.parametrize("deviation", [0.1, 2.0, 30.0])
def test_information_about_labels_is_that_of_two_gaussians(deviation: float) -> None:
    """I(v; z) of two equal Gaussians 4 apart, by quadrature."""
    labels, mu = _four_images()
    logvar = torch.full_like(mu, 2 * math.log(deviation))
    rows = torch.randint(6, (20_000,))
    z = mu[rows] + deviation * torch.randn(len(rows), 2)
    found = label_information(z, rows, mu, logvar, labels)
    grid = torch.linspace(-40 * deviation - 2, 40 * deviation + 2, 400_001, dtype=torch.float64)
    density = torch.exp(-0.5 * ((grid - 2) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    told = math.log(2) - torch.nn.functional.softplus(-4 * grid / deviation**2)
    expected = torch.trapezoid(density * told, grid).item()
    error = found[:, 0].std().item() / math.sqrt(len(rows))
    assert found[:, 0].mean().item() == pytest.approx(expected, abs=1e-9 + 4 * error)
    assert found[:, 1].abs().max() < 1e-9
    assert found[:, 0].max() < math.log(2) + 1e-9


def test_information_about_labels_keeps_its_digits_far_from_the_origin() -> None:
    """Narrow posteriors far out: an affine map of the latents changes nothing."""
    labels, mu = _four_images()
    logvar, rows = torch.full_like(mu, -4.0), torch.arange(6).repeat(50)
    z = mu[rows] + math.exp(-2) * torch.randn(len(rows), 2) * 8
    far = label_information(1e-3 * z.double() + 50, rows, 1e-3 * mu.double() + 50, logvar - 2 * math.log(1e3), labels)
    torch.testing.assert_close(far, label_information(z, rows, mu, logvar, labels), atol=1e-3, rtol=1e-3)
    with pytest.raises(ValueError, match="labels must have a row for each of the 6 posteriors, got 5"):
        label_information(z, rows, mu, logvar, labels[:5])


def test_images_that_are_alike_lower_the_ceiling() -> None:
    labels, _ = _four_images()
    images = torch.stack([labels[:, 0] / 2, (labels[:, 1] == 2) / 3], -1)  # two of the three values look the same
    found = image_information(images, labels).mean(0)
    torch.testing.assert_close(found, torch.tensor([math.log(2), math.log(3) - 2 / 3 * math.log(2)]).double())
    assert image_information(torch.zeros(6, 4), labels).abs().max() < 1e-12
