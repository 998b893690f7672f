"""reparameterize_with_kl against the two ops it joins; what every op promises is tested through catalogue.py."""

import math

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.instruction_sets import CUDA
from tests.ops.contract import assert_bit_equal, assert_values, gradients

SHAPES = [(1, 1), (5, 3), (64, 10), (33, 129), (3, 31, 7), (2, 3, 17, 2), (2, 1025), (700, 1)]


def assert_same_kl(place: str, a: Tensor, b: Tensor) -> None:
    """The same bits on the CPU; on a GPU the two ops share a row's latents among lanes in different ways."""
    if place == CUDA:
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    else:
        assert_bit_equal(a, b)


def posterior(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype) - 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gives_what_the_two_ops_give(place: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    mu, logvar = posterior(shape, dtype)
    z, kl = pyvae.reparameterize_with_kl(mu, logvar, seed=3)
    assert_bit_equal(z, pyvae.reparameterize(mu, logvar, seed=3))
    assert_same_kl(place, kl, pyvae.gaussian_kl(mu, logvar))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_are_the_sum_of_theirs(place: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    inputs = posterior(shape, dtype)

    def joined(*t: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.reparameterize_with_kl(*t, seed=3))

    def apart(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.reparameterize(*t, seed=3), pyvae.gaussian_kl(*t)

    for got, want in zip(gradients(joined, inputs), gradients(apart, inputs), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_a_seed_per_model_draws_what_the_model_draws_alone() -> None:
    mu, logvar = posterior((3, 7, 5))
    seeds = torch.tensor([5, -1, 2**40])
    together = pyvae.reparameterize_with_kl(mu, logvar, seed=seeds)
    for k in range(3):
        alone = pyvae.reparameterize_with_kl(mu[k], logvar[k], seed=seeds[k])
        assert_bit_equal(together.z[k], alone.z)
        assert_bit_equal(together.kl[k], alone.kl)


@pytest.mark.parametrize("seed_shape", [(), (3,), (3, 5), (3, 5, 7)], ids=str)
def test_streams_are_those_of_reparameterize(place: str, seed_shape: tuple[int, ...]) -> None:
    seed = torch.randint(-(2**62), 2**62, seed_shape)
    for dtype in (torch.float32, torch.float64):
        inputs = posterior((3, 5, 7), dtype)
        z, kl = pyvae.reparameterize_with_kl(*inputs, seed=seed)
        assert_bit_equal(z, pyvae.reparameterize(*inputs, seed=seed))
        assert_same_kl(place, kl, pyvae.gaussian_kl(*inputs))
        got = gradients(lambda *t: tuple(pyvae.reparameterize_with_kl(*t, seed=seed)), inputs)
        want = gradients(lambda *t: (pyvae.reparameterize(*t, seed=seed), pyvae.gaussian_kl(*t)), inputs)
        torch.testing.assert_close(got, want)


def test_each_result_alone_gives_its_gradient() -> None:
    mu, logvar = posterior((6, 9))
    free = logvar.clone().requires_grad_()
    z, kl = pyvae.reparameterize_with_kl(mu, free, seed=3)
    (of_kl,) = torch.autograd.grad(kl.sum(), free, retain_graph=True)
    torch.testing.assert_close(of_kl, 0.5 * torch.expm1(logvar))
    (of_z,) = torch.autograd.grad(z.sum(), free)
    torch.testing.assert_close(of_z, 0.5 * (z.detach() - mu))


@pytest.mark.parametrize("logvar", [-100.0, -88.0, 88.0])
def test_extreme_variances_are_finite_and_right(place: str, logvar: float) -> None:
    inputs = [torch.zeros(1), torch.tensor([logvar])]
    z, kl = pyvae.reparameterize_with_kl(*inputs, seed=11)
    eps = pyvae.reparameterize(torch.zeros(1), torch.zeros(1), seed=11).item()
    assert z.item() == pytest.approx(math.exp(logvar / 2) * eps, rel=1e-6)
    assert kl.item() == pytest.approx((math.expm1(logvar) - logvar) / 2, rel=2e-6)
    for grad in gradients(lambda *t: tuple(pyvae.reparameterize_with_kl(*t, seed=11)), inputs):
        assert grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("logvar", [95.0, 170.0])
def test_a_loss_of_the_sample_alone_has_the_samples_gradient(place: str, logvar: float, dtype: torch.dtype) -> None:
    inputs = torch.zeros(4, 5, dtype=dtype), torch.full((4, 5), logvar, dtype=dtype)
    eps = pyvae.reparameterize(*(torch.zeros(4, 5, dtype=torch.float64),) * 2, seed=7)
    if dtype != torch.float64:
        eps = pyvae.reparameterize(torch.zeros(4, 5), torch.zeros(4, 5), seed=7).double()
    exact = inputs[1].double().requires_grad_()
    (want,) = torch.autograd.grad(reference.reparameterize(inputs[0].double(), exact, eps).sum(), exact)
    of_logvar = inputs[1].clone().requires_grad_()
    z, _ = pyvae.reparameterize_with_kl(inputs[0], of_logvar, seed=7)
    (got,) = torch.autograd.grad(z.sum(), of_logvar)
    if dtype == torch.float16:  # ends at 65 504
        assert bool(got.isinf().all())
    else:
        torch.testing.assert_close(got.double(), want, rtol=max(8 * torch.finfo(dtype).eps, 1e-12), atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loss_of_the_divergence_alone_has_the_divergences_gradient(place: str, dtype: torch.dtype) -> None:
    """At -1500 dz/dlogvar is 0 and at 3000 infinite; the divergence's own is -1/2, and infinite."""
    logvar = torch.tensor([[-1500.0, 0.5], [3000.0, 0.5]], dtype=dtype, requires_grad=True)
    _, kl = pyvae.reparameterize_with_kl(torch.zeros(2, 2, dtype=dtype), logvar, seed=7)
    (got,) = torch.autograd.grad(kl.sum(), logvar)
    want = torch.tensor([[-0.5, math.expm1(0.5) / 2], [math.inf, math.expm1(0.5) / 2]], dtype=torch.float64)
    finite = want.isfinite()
    assert_values(got[finite], want[finite].to(dtype), want[finite])
    assert got[1, 0] == math.inf


def test_manual_seed_and_generators_govern_the_noise() -> None:
    mu, logvar = posterior((4, 3))
    torch.manual_seed(1)
    first = pyvae.reparameterize_with_kl(mu, logvar)
    torch.manual_seed(1)
    assert_bit_equal(pyvae.reparameterize_with_kl(mu, logvar).z, first.z)
    one, other = (pyvae.reparameterize_with_kl(mu, logvar, generator=torch.Generator().manual_seed(2)) for _ in "ab")
    assert_bit_equal(one.z, other.z)


def test_half_types_and_autocast() -> None:
    mu, logvar = (t.bfloat16() for t in posterior((6, 4)))
    z, kl = pyvae.reparameterize_with_kl(mu, logvar, seed=1)
    assert z.dtype == torch.bfloat16 and kl.dtype == torch.float32
    assert_bit_equal(kl, pyvae.gaussian_kl(mu.float(), logvar.float()))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert pyvae.reparameterize_with_kl(mu, logvar.float(), seed=1).z.dtype == torch.float32


def test_empty_inputs() -> None:
    for shape in ((0, 3), (3, 0), (2, 0, 4)):
        mu, logvar = (t.requires_grad_() for t in posterior(shape))
        z, kl = pyvae.reparameterize_with_kl(mu, logvar, seed=1)
        assert z.shape == shape and bool((kl == 0).all()) and kl.shape == shape[:-1]
        (z.sum() + kl.sum()).backward()
        assert mu.grad.shape == shape


def test_compiles_in_one_graph() -> None:
    def loss(mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.reparameterize_with_kl(mu, logvar, seed=4))

    inputs = posterior((12, 5))
    compiled = torch.compile(loss, fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), loss(*inputs))
    torch.testing.assert_close(gradients(compiled, inputs), gradients(loss, inputs))


def test_vmap_is_a_loop_over_models() -> None:
    mu, logvar = posterior((3, 6, 4))
    seeds = torch.arange(3)
    together = torch.func.vmap(lambda m, v, s: tuple(pyvae.reparameterize_with_kl(m, v, seed=s)))(mu, logvar, seeds)
    assert_bit_equal(together[0], pyvae.reparameterize_with_kl(mu, logvar, seed=seeds).z)
    assert_bit_equal(together[1], pyvae.gaussian_kl(mu, logvar))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mu": 1.0}, TypeError, "mu must be a tensor, got float"),
        ({"logvar": torch.zeros(2, 3, dtype=torch.float64)}, TypeError, "logvar must have the dtype of mu"),
        ({"logvar": torch.zeros(4, 3)}, ValueError, "mu and logvar must have shapes that broadcast"),
        ({"mu": torch.zeros(()), "logvar": torch.zeros(())}, ValueError, r"mu must have the shape \[..., D\]"),
        ({"seed": 1.5}, TypeError, "seed must be an int or an int64 tensor"),
        ({"generator": (torch.Generator(),) * 2}, TypeError, "generator must be a torch.Generator or None, got tuple"),
        ({"seed": 1, "generator": torch.Generator()}, ValueError, "generator must be None when a seed is given"),
    ],
)
def test_wrong_arguments(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pyvae.reparameterize_with_kl(**({"mu": torch.zeros(2, 3), "logvar": torch.zeros(2, 3)} | arguments))


def test_there_is_no_second_derivative() -> None:
    mu, logvar = (t.requires_grad_() for t in posterior((3, 2)))
    _, kl = pyvae.reparameterize_with_kl(mu, logvar, seed=1)
    (grad,) = torch.autograd.grad(kl.sum(), mu, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        grad.sum().backward()
