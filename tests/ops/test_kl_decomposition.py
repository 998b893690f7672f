"""kl_decomposition's parts and gradients against their definition; estimators are minibatch_log_density's tests."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, cotangents_for, gradients

OPTIONS = {"dataset_size": 5_000, "estimator": "mss"}
SHAPES = [(1, 1), (5, 3), (64, 10), (2, 33, 17), (3, 1, 7, 2), (70, 130)]


def fused(*t: Tensor) -> tuple[Tensor, ...]:
    return tuple(pyvae.kl_decomposition(*t, **OPTIONS, method="exact"))


def plain(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
    joint, marginals = reference.minibatch_log_density(z, mu, logvar, **OPTIONS)
    of_x, of_prior = Normal(mu, torch.exp(0.5 * logvar)).log_prob(z).sum(-1), Normal(0.0, 1.0).log_prob(z).sum(-1)
    product = marginals.sum(-1)
    return of_x - joint, joint - product, product - of_prior


def inputs_of(*shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    mu, logvar = torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype) - 1
    return [mu + torch.exp(0.5 * logvar) * torch.randn(shape, dtype=dtype), mu, logvar]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_matches_definition(isa: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if shape[-2] == 1:
        pytest.skip("mss of a minibatch of one has no other rows")
    inputs = inputs_of(*shape, dtype=dtype)
    exact = [t.double() for t in inputs]
    for triple in zip(fused(*inputs), plain(*inputs), plain(*exact), strict=True):
        assert_values(*triple)
    assert_gradients(gradients(fused, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_the_parts_add_up(isa: str) -> None:
    z, mu, logvar = inputs_of(50, 6, dtype=torch.float64)
    total = Normal(mu, torch.exp(0.5 * logvar)).log_prob(z).sum(-1) - Normal(0.0, 1.0).log_prob(z).sum(-1)
    torch.testing.assert_close(sum(fused(z, mu, logvar)), total, rtol=1e-12, atol=1e-12)


def test_each_part_alone(isa: str) -> None:
    """A part that a loss leaves out changes nothing."""
    inputs = inputs_of(20, 5, dtype=torch.float64)
    for part in range(3):
        kept = slice(part, part + 1)
        got, want = (gradients(lambda *t, f=f, kept=kept: f(*t)[kept], inputs) for f in (fused, plain))
        for a, b in zip(got, want, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_a_cotangent_of_zero_asks_for_nothing(isa: str) -> None:
    """Of a row whose terms leave float32."""
    z, mu, logvar = (t.requires_grad_() for t in inputs_of(8, 3))
    with torch.no_grad():
        z[2] = 1e30
    parts = fused(z, mu, logvar)
    kept = torch.arange(8) != 2
    grads = torch.autograd.grad(sum(torch.where(kept, part, 0.0).sum() for part in parts), (z, mu, logvar))
    assert all(grad.isfinite().all() for grad in grads)


def test_same_bits_for_any_number_of_threads(isa: str) -> None:
    inputs, before = inputs_of(3001, 10), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 16):
            torch.set_num_threads(threads)
            results.append([*fused(*inputs), *gradients(fused, inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


def test_eager_and_compiled_agree() -> None:
    """torch.compile takes the formula in plain torch."""
    inputs = inputs_of(40, 4)
    compiled = torch.compile(fused, fullgraph=True, backend="aot_eager")
    for a, b in zip(compiled(*inputs), fused(*inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    for a, b in zip(gradients(compiled, inputs), gradients(fused, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_transforms() -> None:
    z, mu, logvar = inputs_of(2, 30, 4)

    def total(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return sum(part.square().sum() for part in fused(z, mu, logvar))

    stacked = torch.func.vmap(torch.func.grad(total, (0, 1, 2)))(z, mu, logvar)
    for k in range(2):
        for a, b in zip(stacked, torch.func.grad(total, (0, 1, 2))(z[k], mu[k], logvar[k]), strict=True):
            torch.testing.assert_close(a[k], b, rtol=1e-4, atol=1e-4)


def test_torch_s_own_checks() -> None:
    """gradcheck of the parts given the densities, and opcheck, forward and backward."""
    z, mu, logvar = inputs_of(2, 3, 4, dtype=torch.float64)
    tensors = [t.requires_grad_() for t in (z, mu, logvar, torch.randn(2, 3, dtype=z.dtype), torch.randn_like(z))]
    op = torch.ops.pyvae.kl_decomposition.default
    assert torch.autograd.gradcheck(op, tensors, nondet_tol=0)
    torch.library.opcheck(op, tuple(tensors))
    grads = cotangents_for(op(*tensors))
    backward = torch.ops.pyvae.kl_decomposition_backward.default
    torch.library.opcheck(backward, (*grads, *(t.detach() for t in tensors[:3])))
    with pytest.raises(RuntimeError, match="kl_decomposition has no second derivative"):
        (grad,) = torch.autograd.grad(op(*tensors)[0].sum(), tensors[:1], create_graph=True)
        grad.sum().backward()


def test_shapes_that_do_not_fit() -> None:
    rows = torch.zeros(3, 2)
    for arguments in (
        (rows, rows, torch.zeros(3, 1), rows[:, 0], rows),
        (rows, rows, rows, torch.zeros(4), rows),
        (rows, rows, rows, rows[:, 0], rows[:2]),
        (rows, rows.double(), rows, rows[:, 0], rows),
    ):
        with pytest.raises(RuntimeError, match="expected"):
            torch.ops.pyvae.kl_decomposition(*arguments)


def test_empty_and_without_latents() -> None:
    none = torch.zeros(0, 3)
    assert all(part.shape == (0,) for part in torch.ops.pyvae.kl_decomposition(none, none, none, none[:, 0], none))
    bare = torch.zeros(2, 0)
    parts = torch.ops.pyvae.kl_decomposition(bare, bare, bare, torch.tensor([1.0, 2.0]), bare)
    assert [part.tolist() for part in parts] == [[-1.0, -2.0], [1.0, 2.0], [0.0, 0.0]]


def test_a_standard_normal_posterior() -> None:
    """At its mean: log q(z|x) = log p(z) = -log(2 pi) / 2 a latent."""
    zeros, joint = torch.zeros(1, 4), torch.tensor([0.0])
    information, _, dimwise = torch.ops.pyvae.kl_decomposition(zeros, zeros, zeros, joint, zeros)
    constant = 2 * math.log(2 * math.pi)
    assert information.item() == pytest.approx(-constant) and dimwise.item() == pytest.approx(constant)
