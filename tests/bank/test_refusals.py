"""What a bank refuses, each in one sentence that names the argument, and that nothing is stored then."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import pyvae
from tests.bank.test_posterior_bank import D, N, posteriors


def test_a_refused_method_stores_nothing() -> None:
    bank = pyvae.PosteriorBank(N, D, method="gridded")
    mu, logvar = (t.double() for t in posteriors(3))
    with pytest.raises(NotImplementedError, match="method 'gridded' must have float32 tensors"):
        bank.log_density(mu, mu, logvar, torch.arange(3))
    assert not bool(bank.filled.any())


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"dataset_size": 0}, ValueError, "dataset_size must be at least 1, got 0"),
        ({"latents": 2.5}, TypeError, "latents must be an int, got float"),
        ({"rows": 0}, ValueError, "rows must be at least 1, got 0"),
        ({"max_lag": -1}, ValueError, "max_lag must be at least 0, got -1"),
        ({"dtype": torch.int64}, TypeError, r"dtype must be torch\.float32, .*, got torch\.int64"),
        ({"dtype": "float32"}, TypeError, r"dtype must be torch\.float32, float64, bfloat16 or float16, got 'float32'"),
        ({"leading": 3}, TypeError, r"leading must be a tuple of axes, such as \(3,\) for 3 stacked models, got 3"),
        ({"leading": (-1,)}, ValueError, "leading must be at least 0, got -1"),
        ({"synchronised": "no"}, TypeError, "synchronised must be True or False, got 'no'"),
        ({"rtol": math.inf}, ValueError, "rtol must be a number greater than 0, got inf"),
        ({"rtol": "a"}, ValueError, "rtol must be a number greater than 0, got 'a'"),
        ({"method": "fast"}, ValueError, "method must be 'auto', 'exact' or 'gridded', got 'fast'"),
        ({"rtol": 0.0}, ValueError, r"rtol must be a number greater than 0, got 0\.0"),
    ],
)
def test_settings_that_are_none(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pyvae.PosteriorBank(**{"dataset_size": N, "latents": D, **settings})


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        ([0, 1, 2], TypeError, "index must be a tensor of integers, got list"),
        (torch.zeros(3), TypeError, "index must be a tensor of integers, got float32"),
        (torch.zeros(3, dtype=torch.bool), TypeError, "index must be a tensor of integers, got bool"),
        (torch.arange(4), ValueError, r"index must have the shape \[..., 3\], got \[4\]"),
        (torch.tensor([0, 1, N]), ValueError, f"index must be from 0 to {N - 1}, the bank's rows, got {N}"),
        (torch.tensor([0, -1, 2]), ValueError, f"index must be from 0 to {N - 1}, the bank's rows, got -1"),
        (torch.tensor([0, 1, N], dtype=torch.uint16), ValueError, f"index must be from 0 to {N - 1}, the bank's rows"),
        (torch.zeros(2, 3, dtype=torch.int64), ValueError, "index must have leading axes that broadcast to the bank's"),
        (None, ValueError, "index must be given where rows are stored"),
    ],
)
def test_an_index_that_is_none(index: Any, error: type[Exception], message: str) -> None:
    bank = pyvae.PosteriorBank(N, D)
    mu, logvar = posteriors(3)
    with pytest.raises(error, match=message):
        bank.log_density(mu, mu, logvar, index)
    assert not bool(bank.filled.any())


@pytest.mark.parametrize(
    ("mu", "message"),
    [
        (torch.zeros(3, 2), r"mu must have the shape \[..., 3, 3\], got \[3, 2\]"),
        (torch.zeros(4, D), r"mu must have the shape \[..., 3, 3\], got \[4, 3\]"),
        (torch.zeros(D), r"mu must have the shape \[..., 3, 3\], got \[3\]"),
        (torch.zeros(2, 3, D), "mu must have leading axes that broadcast to the bank's"),
    ],
)
def test_posteriors_that_do_not_fit(mu: Tensor, message: str) -> None:
    z, logvar = posteriors(3)
    with pytest.raises(ValueError, match=message):
        pyvae.PosteriorBank(N, D).log_density(z, mu, logvar, torch.arange(3))


def test_an_empty_bank_has_no_density_of_other_data() -> None:
    mu, logvar = posteriors(3)
    with pytest.raises(ValueError, match="index must be given to a bank that has no rows in use"):
        pyvae.PosteriorBank(N, D).eval().log_density(mu, mu, logvar)
