"""Gradients of z alone, which come with the forward as scores: those that come with all others, whatever the values."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, assert_gradients

METHODS = ["exact", "gridded"]
Density = Callable[..., tuple[Tensor, Tensor]]


def inputs_of(rows: int, columns: int, latents: int, dtype: torch.dtype = torch.float32, sigma: float = 0.4):
    generator = torch.Generator().manual_seed(0)
    mu = torch.randn(columns, latents, generator=generator, dtype=dtype)
    logvar = 2 * math.log(sigma) + 0.2 * torch.randn(columns, latents, generator=generator, dtype=dtype)
    z = mu.repeat(-(-rows // columns), 1)[:rows] + sigma * torch.randn(rows, latents, generator=generator, dtype=dtype)
    return [z, mu, logvar]


def gradients_of_z(op: Density, inputs: list[Tensor], *, alone: bool) -> Tensor:
    """Of z with no other leaf, or with all of them."""
    leaves = [t.clone().requires_grad_(not alone or k == 0) for k, t in enumerate(inputs)]
    joint, marginals = op(*leaves)
    cotangents = torch.linspace(-1, 1, joint.numel(), dtype=joint.dtype).view_as(joint)
    total = (joint * cotangents).sum() + (marginals * cotangents.unsqueeze(-1).cos()).sum()
    wanted = leaves[:1] if alone else leaves
    grad: Tensor = torch.autograd.grad(total, wanted)[0]
    return grad


def full(method: str = "exact") -> Density:
    return lambda *t: pyvae.minibatch_log_density(*t, estimator="full", method=method)


def plain(*t: Tensor) -> tuple[Tensor, Tensor]:
    return reference.minibatch_log_density(*t, estimator="full")


@pytest.mark.parametrize(
    ("rows", "columns", "latents"), [(1, 1, 1), (7, 33, 3), (65, 200, 17), (300, 70, 2), (64, 1000, 1)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_matches_reference(isa: str, rows: int, columns: int, latents: int, dtype: torch.dtype) -> None:
    inputs = inputs_of(rows, columns, latents, dtype)
    got, own = (gradients_of_z(op, inputs, alone=True) for op in (full(), plain))
    exact = gradients_of_z(plain, [t.double() for t in inputs], alone=True)
    assert_gradients([got], [own], [exact])


@pytest.mark.parametrize("estimator", ["mws", "mss", "balanced"])
@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_that_comes_with_all_others(isa: str, estimator: str, method: str) -> None:
    def op(*t: Tensor) -> tuple[Tensor, Tensor]:
        return pyvae.minibatch_log_density(*t, dataset_size=999, estimator=estimator, method=method)

    inputs = [torch.stack([t, t.flip(0)]) for t in inputs_of(301, 301, 5)]
    got, want = (gradients_of_z(op, inputs, alone=alone) for alone in (True, False))
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 3e38, 1e18, math.nan])
@pytest.mark.parametrize("method", METHODS)
def test_a_hostile_query(isa: str, method: str, value: float) -> None:
    """It has the gradient that it has beside all others, and changes no other row."""
    inputs = inputs_of(40, 130, 3)
    usual = gradients_of_z(full(method), inputs, alone=True)
    inputs[0][7, 1] = value
    got, want = (gradients_of_z(full(method), inputs, alone=alone) for alone in (True, False))
    torch.testing.assert_close(got[7], want[7], rtol=1e-4, atol=1e-6, equal_nan=True)
    others = torch.arange(40) != 7
    assert_bit_equal(got[others], usual[others])


@pytest.mark.parametrize("logvar", [-120.0, -60.0, 60.0])
def test_columns_too_narrow_or_wide_for_plain_distances(isa: str, logvar: float) -> None:
    inputs = inputs_of(20, 130, 3)
    inputs[2][5:9] = logvar
    inputs[0][3] = inputs[1][6]
    got, want = (gradients_of_z(full(), inputs, alone=alone) for alone in (True, False))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_cotangent_of_zero_asks_for_nothing(method: str) -> None:
    z, mu, logvar = inputs_of(6, 50, 2)
    z[2] = math.nan
    z.requires_grad_()
    joint, marginals = full(method)(z, mu, logvar)
    kept = torch.arange(6) != 2
    (grad,) = torch.autograd.grad(torch.where(kept, joint - marginals.sum(-1), 0.0).sum(), z)
    assert grad.isfinite().all() and (grad[2] == 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_same_bits_for_any_number_of_threads(isa: str, method: str) -> None:
    inputs, before = inputs_of(301, 900, 7), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 16, 64):
            torch.set_num_threads(threads)
            results.append(gradients_of_z(full(method), inputs, alone=True))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert_bit_equal(results[0], other)


@pytest.mark.parametrize("method", METHODS)
def test_a_second_derivative_is_refused(method: str) -> None:
    z, mu, logvar = inputs_of(6, 50, 2)
    z.requires_grad_()
    joint, marginals = full(method)(z, mu, logvar)
    (grad,) = torch.autograd.grad((joint - marginals.sum(-1)).sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="has no second derivative"):
        grad.sum().backward()


@pytest.mark.parametrize("method", METHODS)
def test_under_torch_func_and_compile(method: str) -> None:
    """A leaf that only a transform knows of is not forgotten."""
    z, mu, logvar = inputs_of(9, 40, 3)

    def total(z: Tensor, mu: Tensor) -> Tensor:
        joint, marginals = full(method)(z, mu, logvar)
        return (joint - marginals.sum(-1)).sum()

    leaves = [t.clone().requires_grad_() for t in (z, mu)]
    want = torch.autograd.grad(total(*leaves), leaves)
    for k in (0, 1):
        torch.testing.assert_close(torch.func.grad(total, k)(z, mu), want[k], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(torch.func.grad(total, k)(leaves[0], mu), want[k], rtol=1e-5, atol=1e-6)
    alone = z.clone().requires_grad_()
    (got,) = torch.autograd.grad(torch.compile(total, fullgraph=True, backend="aot_eager")(alone, mu), alone)
    torch.testing.assert_close(got, want[0], rtol=1e-5, atol=1e-6)


def test_vmap_of_scores() -> None:
    z, mu, logvar = inputs_of(9, 40, 3)
    sets = torch.stack([z, z.flip(0)]).requires_grad_()
    densities = torch.func.vmap(lambda rows: full()(rows, mu, logvar).joint)(sets)
    (got,) = torch.autograd.grad(densities.sum(), sets)
    one = z.clone().requires_grad_()
    (want,) = torch.autograd.grad(full()(one, mu, logvar).joint.sum(), one)
    torch.testing.assert_close(got, torch.stack([want, want.flip(0)]))
