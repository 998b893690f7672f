import math

import pytest
import torch

from pyvae.losses import categorical_information_bound, gaussian_information_bound


def test_the_gaussian_bound_is_the_channel_s_information_where_q_is_the_posterior() -> None:
    """x = c + noise of variance v: I(c; x) = log(1 + 1/v) / 2, and Q = N(x / (1 + v), v / (1 + v))."""
    c, noise = torch.randn(2, 200_000, 1, dtype=torch.float64)
    for v in (0.1, 1.0):
        x = c + v**0.5 * noise
        logvar = torch.full_like(x, v / (1 + v)).log()
        bound = gaussian_information_bound(c, x / (1 + v), logvar)
        assert float(bound.mean()) == pytest.approx(0.5 * math.log(1 + 1 / v), abs=0.01)
        wrong = gaussian_information_bound(c, x / (1 + v) + 0.3, logvar - 0.5)
        assert float(wrong.mean()) < float(bound.mean())


def test_the_categorical_bound_is_the_symmetric_channel_s_information() -> None:
    """x is the class with probability 0.7 and each of four others with 0.075."""
    right, wrong = 0.7, 0.3 / 4
    c = torch.randint(5, (100_000,))
    x = torch.where(torch.rand(100_000) < right, c, (c + torch.randint(1, 5, c.shape)) % 5)
    posterior = torch.full((5, 5), wrong).fill_diagonal_(right).log()
    truth = math.log(5) + right * math.log(right) + 4 * wrong * math.log(wrong)
    assert float(categorical_information_bound(c, posterior[x]).mean()) == pytest.approx(truth, abs=0.01)
    assert categorical_information_bound(c.view(10, -1), torch.zeros(10, 10_000, 5)).abs().max() < 1e-6


def test_uniform_codes_and_shapes() -> None:
    codes = 2 * torch.rand(4, 7, 3) - 1
    bound = gaussian_information_bound(codes, codes, torch.full_like(codes, -math.log(2 * math.pi)), prior="uniform")
    assert torch.allclose(bound, torch.full((4, 7), 3 * math.log(2)))
    with pytest.raises(ValueError, match=r"mu must have the shape of codes, \[4, 7, 3\], got \[4, 7, 1\]"):
        gaussian_information_bound(codes, codes[..., :1], codes)
    with pytest.raises(ValueError, match=r"codes must have the shape \[4, 7\] of logits, got \[4\]"):
        categorical_information_bound(torch.zeros(4, dtype=torch.int64), codes)
    with pytest.raises(TypeError, match="codes must be whole numbers, got float32"):
        categorical_information_bound(torch.zeros(4, 7), codes)
    half = gaussian_information_bound(codes.half(), codes.half(), torch.full_like(codes, -20).half())
    assert half.dtype == torch.float32
    with pytest.raises(ValueError, match="prior must be normal or uniform, got 'cauchy'"):
        gaussian_information_bound(codes, codes, codes, prior="cauchy")
