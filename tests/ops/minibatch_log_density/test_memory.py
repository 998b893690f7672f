"""Peak memory of the log-densities, forward and backward, and sizes whose products pass 2^31."""

import pytest
import torch

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_values
from tests.ops.memory import growth

CALLS = {
    "minibatch_log_density": (
        "sum(t.sum() for t in pyvae.minibatch_log_density(a, b, c, dataset_size=10 * m)).backward()"
    ),
    "joint_log_density": "pyvae.ops.joint_log_density.joint_log_density(a, b, c, 10 * m, 2).sum().backward()",
}


@pytest.mark.parametrize("op", CALLS)
def test_memory_does_not_grow_with_the_square(op: str) -> None:
    # [M, M] would be 1024 MiB here, [M, M, D] ten times that; 23 to 25 are measured, most of it copies of sums of rows
    # for threads, which do not grow further. design.md allows 64 MiB at four times this M.
    assert growth(CALLS[op], 16_384) < 32


@pytest.mark.parametrize("op", CALLS)
def test_memory_of_a_large_minibatch(op: str) -> None:
    assert growth(CALLS[op], 65_536) <= 64


def test_more_than_2_to_the_31_pairs(device: str) -> None:
    m = 65_536
    z, mu, logvar = torch.randn(m, 1), torch.randn(m, 1), torch.randn(m, 1) - 2
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=m, estimator="mws")
    for row in (0, 1, m // 2, m - 1):
        # Without a diagonal a row is the full estimator's, less log N.
        parts = (z[row : row + 1], mu, logvar)
        want = [t - torch.tensor(float(m)).double().log() for t in exact_density(*parts)]
        plain = [t - torch.tensor(float(m)).log() for t in reference.minibatch_log_density(*parts, estimator="full")]
        assert_values(density.joint[row : row + 1], plain[0], want[0])
        assert_values(density.marginals[row : row + 1], plain[1], want[1])


@pytest.mark.parametrize("estimator", ["mws", "mss", "balanced"])
def test_a_data_set_times_a_minibatch_beyond_64_bits(place: str, estimator: str) -> None:
    z, mu, logvar = torch.randn(40, 3), torch.randn(40, 3), torch.randn(40, 3)
    options = {"dataset_size": 2**62, "estimator": estimator}
    got = pyvae.minibatch_log_density(z, mu, logvar, **options)
    plain = reference.minibatch_log_density(z, mu, logvar, **options)
    want = reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), **options)
    for triple in zip(got, plain, want, strict=True):
        assert_values(*triple)


def exact_density(*inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return reference.minibatch_log_density(*(t.double() for t in inputs), estimator="full")
