"""Active latents of Gaussian channels, whose information is known: log(1 + s^2 / v) / 2."""

import math

import pytest
import torch

from pyvae.metrics import Codes, active_latents

NOISE = 0.09


def channel(*informations: float, count: int = 4000) -> Codes:
    """Means of a variance that gives each latent so many nats."""
    variance = NOISE * (torch.tensor(informations, dtype=torch.float64) * 2).expm1()
    mu = torch.randn(count, len(informations), dtype=torch.float64) * variance.sqrt()
    return Codes(mu.float(), torch.full_like(mu, math.log(NOISE)).float())


def test_information_of_a_channel_is_its_capacity() -> None:
    expected = torch.tensor([0.0, 0.02, 0.5, 2.0], dtype=torch.float64)
    found = active_latents(channel(*expected.tolist()), samples=20_000, seed=0).parts["information"]
    assert ((found.value - expected).abs() < 5 * found.standard_error + 0.05 * expected + 1e-6).all()
    assert found.value[0].abs() < 1e-6 and found.standard_error[0] < 1e-6  # a collapsed latent has no noise


def test_latents_count_from_a_hundredth_of_a_nat() -> None:
    score = active_latents(channel(0.0, 0.003, 0.05, 1.0), samples=20_000, seed=0)
    assert score.value == 2 and score.ceiling == 4 and score.low == 2 and score.high == 2
    assert active_latents(channel(0.05, 1.0), threshold=0.3, seed=0).value == 1


def test_noise_does_not_make_a_latent_active() -> None:
    """Few samples of a weak latent: what is at least the threshold by chance does not count."""
    few = active_latents(channel(0.02, 1.0), samples=20, seed=1)
    assert few.low <= few.value <= few.high


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="threshold must be greater than 0, got 0"):
        active_latents(channel(1.0), threshold=0)


def test_it_is_the_same_each_time_unless_asked_otherwise() -> None:
    codes = channel(0.05, 1.0)
    first, again, new = active_latents(codes), active_latents(codes), active_latents(codes, seed=None)
    assert first == again and first.settings["seed"] == 0
    information = [score.parts["information"].value for score in (first, again, new)]
    assert torch.equal(information[0], information[1]) and not torch.equal(information[0], information[2])
