"""minibatch_log_density against plain torch in float64. Its contract and its mathematics: minibatch_log_density/."""

import math

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_gradients, assert_values, gradients
from tests.ops.posteriors import ESTIMATORS, posteriors, size_for

# (leading axes, M, D): one posterior, one latent, primes, a tile and one more, several tiles.
SHAPES = [
    ((), 1, 1),
    ((), 1, 7),
    ((), 2, 3),
    ((), 13, 1),
    ((), 63, 5),
    ((), 65, 10),
    ((), 257, 3),
    ((), 521, 2),
    ((3,), 31, 4),
    ((2, 3), 17, 2),
    ((), 33, 129),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(place: str, shape: tuple, estimator: str, dtype: torch.dtype) -> None:
    inputs = posteriors(*shape, dtype)
    options = {"dataset_size": size_for(estimator, shape[1]), "estimator": estimator}

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, **options, method="exact")

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, **options)

    exact_inputs = [t.double() for t in inputs]
    for got, rough, want in zip(op(*inputs), plain(*inputs), plain(*exact_inputs), strict=True):
        assert_values(got, rough, want)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact_inputs))


def test_queries_of_another_number_than_posteriors() -> None:
    z, mu, logvar = torch.randn(3, 5, 4), torch.randn(3, 70, 4), torch.randn(3, 70, 4)

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, estimator="full")

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, estimator="full")

    exact = [t.double() for t in (z, mu, logvar)]
    for triple in zip(op(z, mu, logvar), plain(z, mu, logvar), plain(*exact), strict=True):
        assert_values(*triple)
    inputs = (z, mu, logvar)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_extreme_variances_are_finite_and_right() -> None:
    for level in (-100.0, -88.0, 88.0, 100.0):
        mu, logvar = torch.randn(20, 2), torch.full((20, 2), level)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(20, 2)
        leaves = [t.requires_grad_() for t in (z, mu, logvar)]
        got = pyvae.minibatch_log_density(*leaves, dataset_size=100)
        want = reference.minibatch_log_density(*(t.detach().double() for t in leaves), dataset_size=100)
        torch.testing.assert_close(got.joint.double(), want[0], rtol=1e-4, atol=1e-4)
        (got.joint.sum() + got.marginals.sum()).backward()
        assert all(t.grad.isfinite().all() for t in leaves)


@pytest.mark.parametrize("level", [-90.0, -100.0])  # (z - mu) / sigma is within float32, and beyond
def test_a_row_out_of_reach_has_no_gradient(place: str, level: float) -> None:
    z, mu, logvar = posteriors((), 10, 2)
    z[3] = 1e18
    logvar[:] = level
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    got = pyvae.minibatch_log_density(*leaves, estimator="full")
    assert got.joint[3] == -math.inf
    torch.autograd.backward([got.joint[3]], [torch.ones(())])
    assert all(bool((t.grad == 0).all()) for t in leaves)


# --- Sums that a running float32 total would lose --------------------------------------------------------------------


def assert_contract(z: Tensor, mu: Tensor, logvar: Tensor, **options: object) -> None:
    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, **options)

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, **options)

    inputs, exact = (z, mu, logvar), (z.double(), mu.double(), logvar.double())
    for triple in zip(op(*inputs), plain(*inputs), plain(*exact), strict=True):
        assert_values(*triple)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_gradients_of_a_column_over_many_equal_rows(place: str) -> None:
    z = torch.full((65_536, 1), 0.3)
    mu, logvar = torch.zeros(1, 1), torch.zeros(1, 1)
    mu.requires_grad_(), logvar.requires_grad_()
    pyvae.minibatch_log_density(z, mu, logvar, estimator="full").joint.sum().backward()
    assert mu.grad.item() == pytest.approx(65_536 * 0.3, rel=1e-5)
    assert logvar.grad.item() == pytest.approx(65_536 * (0.09 - 1) / 2, rel=1e-5)


def test_a_joint_over_a_thousand_equal_latents(place: str) -> None:
    assert_contract(torch.full((3, 1024), 0.3), torch.zeros(3, 1024), torch.full((3, 1024), -3.0), dataset_size=100)


@pytest.mark.parametrize("method", ["exact", "auto"])
@pytest.mark.parametrize("first", [0.2, 0.5])
def test_a_total_over_a_million_equal_columns(place: str, first: float, method: str) -> None:
    """At 0.5 the first column has the largest exponent, and the others a weight that every addition rounds."""
    mu = torch.full((1_000_000, 1), 0.7)
    mu[0] = first
    z, logvar = torch.full((1, 1), 0.5), torch.zeros(1_000_000, 1)
    got = pyvae.minibatch_log_density(z, mu, logvar, estimator="full", method=method)
    want = reference.minibatch_log_density(z.double(), mu.double(), logvar.double(), estimator="full")
    assert got.joint.item() == pytest.approx(want[0].item(), abs=2e-6)
    assert got.marginals.item() == pytest.approx(want[1].item(), abs=2e-6)


def test_a_huge_data_set_and_narrow_posteriors(place: str) -> None:
    mu = torch.randn(40, 5)
    logvar = torch.full((40, 5), -13.8)
    z = mu + 1e-3 * torch.randn(40, 5)
    assert_contract(z, mu, logvar, dataset_size=10**12, estimator="mws")


@pytest.mark.parametrize("method", ["exact", "auto"])
def test_more_tiles_of_columns_than_shares(place: str, method: str) -> None:
    """So many rows that the backward's shares of the columns take several tiles each."""
    z, mu, logvar = torch.randn(530_000, 1), torch.randn(700, 1), torch.randn(700, 1) - 2
    leaves = [t.requires_grad_() for t in (z, mu, logvar)]
    pyvae.minibatch_log_density(*leaves, estimator="full", method=method).joint.sum().backward()
    some = z.detach()[::100_000].double().requires_grad_()
    reference.minibatch_log_density(some, mu.double(), logvar.double(), estimator="full")[0].sum().backward()
    torch.testing.assert_close(z.grad[::100_000].double(), some.grad, rtol=1e-4, atol=1e-5)
    # Moving every query and posterior together changes nothing.
    assert abs(z.grad.double().sum() + mu.grad.double().sum()) < 1e-4 * mu.grad.double().abs().sum()


# Two latents of the second level have the joint density 2^128 at their mean, where exp2 in float32 ends.
@pytest.mark.parametrize(("latents", "level"), [(7, -90.0), (2, -90.565)])
def test_padding_adds_nothing_where_posteriors_are_narrow(place: str, latents: int, level: float) -> None:
    """Means at 0, where the kernels' padding lies."""
    mu, logvar = torch.zeros(5, latents), torch.full((5, latents), level)
    z = math.exp(level / 2) * torch.randn(5, latents)
    assert_contract(z, mu, logvar, dataset_size=100)
