"""gaussian_kl: values and gradients against plain torch in float64, reductions, priors, extremes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import pyvae
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, gradients, layouts
from tests.selection import figure

SHAPES = [(1,), (1, 1), (7, 1), (3, 17), (2, 3, 33), (5, 257), (4, 0), (0, 4), (64, 10)]


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("reduction", ["none", "latent"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(place: str, shape: tuple[int, ...], dtype: torch.dtype, reduction: str, prior: bool) -> None:
    inputs = [2 * torch.randn(shape, dtype=dtype) for _ in range(4 if prior else 2)]

    def op(*t: Tensor) -> tuple[Tensor]:
        return (pyvae.gaussian_kl(*t, reduction=reduction),)

    def plain(*t: Tensor) -> tuple[Tensor]:
        kl = reference.gaussian_kl(*t)
        return (kl if reduction == "none" else kl.sum(-1),)

    exact = [t.double() for t in inputs]
    assert_values(op(*inputs)[0], plain(*inputs)[0], plain(*exact)[0])
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


@settings(max_examples=figure("test_relative_error_of_one_value"))
@given(
    mu=st.floats(-(2.0**59), 2.0**59, width=32),
    logvar=st.floats(-100, 88, width=32),
    prior_mu=st.floats(-1e3, 1e3, width=32),
    prior_logvar=st.floats(-10, 10, width=32),
)
def test_relative_error_of_one_value(mu: float, logvar: float, prior_mu: float, prior_logvar: float) -> None:
    parts = [torch.tensor([v]) for v in (mu, logvar, prior_mu, prior_logvar)]
    for arguments in (parts[:2], parts):
        want = reference.gaussian_kl(*(p.double() for p in arguments))
        if want.item() > 3e38:
            continue
        got = pyvae.gaussian_kl(*arguments, reduction="none").double()
        # Relative down to the float64 reference's own cancellation; the next test goes further.
        torch.testing.assert_close(got, want, rtol=4e-6, atol=1e-15)


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_near_the_prior_keeps_its_digits(dtype: torch.dtype, rtol: float) -> None:
    logvar = torch.tensor([1e-3, -1e-4, 1e-6, 1e-10], dtype=dtype)
    x = logvar.double()
    want = x**2 / 4 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5)))
    got = pyvae.gaussian_kl(torch.zeros(4, dtype=dtype), logvar, reduction="none").double()
    torch.testing.assert_close(got, want, rtol=rtol, atol=0)


@pytest.mark.parametrize("logvar", [-100.0, -88.0, 88.0, 89.0])
def test_extreme_variances_are_finite_and_right(logvar: float) -> None:
    got = pyvae.gaussian_kl(torch.zeros(1), torch.tensor([logvar]))
    want = (math.expm1(logvar) - logvar) / 2
    assert got.item() == pytest.approx(want, rel=2e-6)


def test_known_answers() -> None:
    assert pyvae.gaussian_kl(torch.ones(10), torch.zeros(10)).item() == 5
    mu, logvar = torch.randn(3, 4), torch.randn(3, 4)
    assert_bit_equal(pyvae.gaussian_kl(mu, logvar, mu, logvar), torch.zeros(3))


def test_reductions() -> None:
    mu, logvar = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    each = pyvae.gaussian_kl(mu, logvar, reduction="none")
    torch.testing.assert_close(pyvae.gaussian_kl(mu, logvar), each.sum(-1))
    torch.testing.assert_close(pyvae.gaussian_kl(mu, logvar, reduction="sum"), each.sum())
    torch.testing.assert_close(pyvae.gaussian_kl(mu, logvar, reduction="batchmean"), each.sum() / 6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0), (3, 0, 4), (0, 3, 0)], ids=str)
def test_the_batch_mean_of_nothing_is_nothing(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    mu, logvar = torch.zeros(shape, dtype=dtype, requires_grad=True), torch.zeros(shape, dtype=dtype)
    for prior in ((), (0.5, 1.0)):
        kl = pyvae.gaussian_kl(mu, logvar, *prior, reduction="batchmean")
        assert kl.item() == pyvae.gaussian_kl(mu, logvar, *prior, reduction="sum").item() == 0
        kl.backward()
    assert mu.grad.shape == shape


@pytest.mark.parametrize("shape", [(64, 10, 1, 1), (2, 3, 8, 8), (2, 3, 4, 8, 8)], ids=str)
def test_the_batch_mean_of_images_asks_for_their_axes(shape: tuple[int, ...]) -> None:
    """It would divide by channels and heights: what is meant divides by the batch alone."""
    mu, logvar = torch.randn(shape), torch.randn(shape)
    words = r"^mu must have the shape \[M, D\] or \[K, M, D\] for 'batchmean', got .*by mu\.flatten\(1\), or average"
    for arguments in ((mu, logvar), (mu, logvar[:1]), (mu[0, 0], logvar), (mu[0, 0], logvar[0, 0], mu)):
        with pytest.raises(ValueError, match=words):
            pyvae.gaussian_kl(*arguments, reduction="batchmean")
    meant = reference.gaussian_kl(mu.double(), logvar.double()).sum() / shape[0]
    flat = pyvae.gaussian_kl(mu.flatten(1), logvar.flatten(1), reduction="batchmean")
    torch.testing.assert_close(flat.double(), meant, rtol=1e-5, atol=0)


def test_prior_broadcasts_and_receives_gradients() -> None:
    mu, logvar = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    prior_mu = torch.randn(3, dtype=torch.float64)
    prior_logvar = torch.randn(4, 1, dtype=torch.float64)
    inputs = [t.requires_grad_() for t in (mu, logvar, prior_mu, prior_logvar)]
    assert torch.autograd.gradcheck(lambda *t: pyvae.gaussian_kl(*t), inputs, nondet_tol=0)
    numbers = pyvae.gaussian_kl(mu, logvar, 0.5, -1)
    tensors = pyvae.gaussian_kl(mu, logvar, torch.full_like(mu, 0.5), torch.full_like(mu, -1))
    assert_bit_equal(numbers, tensors)
    only_mean = pyvae.gaussian_kl(mu, logvar, prior_mu=torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(only_mean, pyvae.gaussian_kl(mu, logvar))


@pytest.mark.parametrize("reduction", ["none", "latent"])
@pytest.mark.parametrize("shape", [(3,), (64, 10), (7, 1025)], ids=str)
def test_a_prior_that_is_one_number_or_fixed(place: str, shape: tuple[int, ...], reduction: str) -> None:
    posterior = [2 * torch.randn(shape) for _ in range(2)]
    numbers, full = (0.5, -0.25), (torch.full(shape, 0.5), torch.full(shape, -0.25))
    learned = torch.tensor(0.5, requires_grad=True), torch.tensor(-0.25, requires_grad=True)

    def op(prior: tuple) -> list[Tensor]:
        function = lambda *t: (pyvae.gaussian_kl(*t, *prior, reduction=reduction),)  # noqa: E731
        return [*function(*posterior), *gradients(function, posterior)]

    for other in (
        full,
        learned,
        (numbers[0], full[1]),
        (full[0], numbers[1]),
        [t.clone().requires_grad_() for t in full],
    ):
        for a, b in zip(op(numbers), op(other), strict=True):
            assert_bit_equal(a, b)
    each = gradients(lambda *t: (pyvae.gaussian_kl(*posterior, *t, reduction=reduction),), full)
    got = gradients(lambda *t: (pyvae.gaussian_kl(*posterior, *t, reduction=reduction),), [t.detach() for t in learned])
    torch.testing.assert_close(got, [grad.sum() for grad in each], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("reduction", ["none", "latent"])
@pytest.mark.parametrize("shape", [(9973,), (4999, 3), (997, 33), (61, 2049)], ids=str)
def test_same_bits_for_any_number_of_threads(isa: str, shape: tuple[int, ...], reduction: str) -> None:
    rows = torch.Size((7, *shape)) if len(shape) == 1 else torch.Size(shape)
    inputs = [torch.randn(rows) for _ in range(4)]

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.gaussian_kl(*t, reduction=reduction), pyvae.gaussian_kl(*t[:2], reduction=reduction)

    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append((*op(*inputs), *gradients(op, inputs)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


def test_an_element_has_the_same_bits_wherever_it_lies(place: str) -> None:
    inputs = [torch.randn(200) for _ in range(4)]
    for count in (2, 4):
        whole = pyvae.gaussian_kl(*inputs[:count], reduction="none")
        alone = [pyvae.gaussian_kl(*(t[k : k + 1] for t in inputs[:count]), reduction="none") for k in range(200)]
        assert_bit_equal(torch.cat(alone), whole)


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("sum_latents", [False, True])
@pytest.mark.parametrize("shape", [(1,), (3, 4), (2, 3, 5)], ids=str)
def test_gradcheck_and_opcheck(shape: tuple[int, ...], sum_latents: bool, prior: bool) -> None:
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    inputs = tensors if prior else tensors[:2]
    reduction = "latent" if sum_latents else "none"
    assert torch.autograd.gradcheck(lambda *t: pyvae.gaussian_kl(*t, reduction=reduction), inputs, nondet_tol=0)
    arguments = tensors if prior else [*tensors[:2], None, None]
    torch.library.opcheck(torch.ops.pyvae.gaussian_kl.default, (*arguments, sum_latents))
    grad = torch.randn(shape[:-1] if sum_latents else shape, dtype=torch.float64)
    saved = [None if t is None else t.detach() for t in arguments]
    for prior_grads in {False, prior}:  # False with a prior: one that is fixed
        arguments_of_backward = (grad, *saved, sum_latents, prior_grads)
        torch.library.opcheck(torch.ops.pyvae.gaussian_kl_backward.default, arguments_of_backward)


def test_layouts_half_types_and_autocast() -> None:
    mu, logvar = torch.randn(6, 9), torch.randn(6, 9)
    want = pyvae.gaussian_kl(mu, logvar)
    for name in layouts(mu):
        assert_bit_equal(pyvae.gaussian_kl(layouts(mu)[name], layouts(logvar)[name]), want)
    half = pyvae.gaussian_kl(mu.half(), logvar.half())
    assert_bit_equal(half, pyvae.gaussian_kl(mu.half().float(), logvar.half().float()))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = pyvae.gaussian_kl(mu.bfloat16(), logvar)
    assert_bit_equal(mixed, pyvae.gaussian_kl(mu.bfloat16().float(), logvar))


def test_number_priors_are_not_rounded_to_half_types() -> None:
    mu, logvar = torch.randn(5, 3).bfloat16(), torch.randn(5, 3).bfloat16()
    want = pyvae.gaussian_kl(mu.float(), logvar.float(), 0.1, -4.6)
    assert_bit_equal(pyvae.gaussian_kl(mu, logvar, 0.1, np.float32(-4.6)), want)


def test_forward_mode_is_refused_not_wrong() -> None:
    mu = torch.randn(3, 4)
    with pytest.raises(NotImplementedError, match="mu must not carry a forward-mode tangent"):
        torch.func.jvp(lambda m: pyvae.gaussian_kl(m, torch.zeros(3, 4)), (mu,), (mu,))


def test_a_thousand_latents_keep_the_contract(place: str) -> None:
    mu, logvar = torch.full((2, 1024), 0.3), torch.full((2, 1024), -0.7)
    want = reference.gaussian_kl(mu.double(), logvar.double()).sum(-1)
    assert_values(pyvae.gaussian_kl(mu, logvar), reference.gaussian_kl(mu, logvar).sum(-1), want)


def test_compiles_in_one_graph() -> None:
    compiled = torch.compile(lambda *t: pyvae.gaussian_kl(*t, reduction="batchmean"), fullgraph=True)
    mu, logvar = torch.randn(7, 3), torch.randn(7, 3)
    torch.testing.assert_close(compiled(mu, logvar), pyvae.gaussian_kl(mu, logvar, reduction="batchmean"))


def test_vmap() -> None:
    mu, logvar, prior = torch.randn(3, 5, 4), torch.randn(5, 4), torch.randn(4)
    got = torch.vmap(lambda m: pyvae.gaussian_kl(m, logvar, prior_mu=prior))(mu)
    assert_bit_equal(got, pyvae.gaussian_kl(mu, logvar.expand(3, 5, 4), prior_mu=prior))


def test_a_nan_stays_in_its_row(place: str) -> None:
    mu, logvar = torch.randn(9, 5), torch.randn(9, 5)
    clean = pyvae.gaussian_kl(mu, logvar)
    mu[4, 2] = math.nan
    got = pyvae.gaussian_kl(mu, logvar)
    others = torch.arange(9) != 4
    assert math.isnan(got[4])
    assert_bit_equal(got[others], clean[others])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"reduction": "mean"}, ValueError, "reduction must be 'none', 'latent', 'batchmean' or 'sum', got 'mean'"),
        ({"logvar": torch.zeros(3)}, ValueError, "mu and logvar must have shapes that broadcast"),
        ({"prior_mu": torch.zeros(3)}, ValueError, "prior_mu and prior_logvar must have shapes that broadcast"),
        ({"mu": [1.0], "prior_mu": 0.5}, TypeError, "mu must be a tensor, got list"),
        ({"prior_mu": "zero"}, TypeError, "prior_mu must be a tensor, got str"),
        ({"prior_logvar": torch.zeros(4).double()}, TypeError, "prior_logvar must have the dtype of mu, float32"),
        ({"mu": torch.tensor(0.0), "logvar": torch.tensor(0.0)}, ValueError, r"mu must have the shape \[..., D\]"),
    ],
)
def test_errors_name_the_argument(arguments: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pyvae.gaussian_kl(**({"mu": torch.zeros(2, 4), "logvar": torch.zeros(2, 4)} | arguments))


def test_double_backward_says_that_there_is_none() -> None:
    mu = torch.randn(3, 4, requires_grad=True)
    (grad,) = torch.autograd.grad(pyvae.gaussian_kl(mu, torch.zeros(3, 4)).sum(), mu, create_graph=True)
    with pytest.raises(RuntimeError, match=r"pyvae\.gaussian_kl has no second derivative"):
        grad.sum().backward()
