"""The squared maximum mean discrepancy against plain torch in float64, and what it is; more of it in squared_mmd."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from pyvae.ops import pair_sums, reference, squared_mmd
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, cotangents_for
from tests.ops.two_samples import DTYPES, KERNELS, gradients, samples

# (models, n, m, D): around registers, tiles of rows, groups of columns, blocks, and groups of latents.
SHAPES = [
    (1, 2, 2, 1), (2, 3, 2, 4), (1, 9, 17, 10), (3, 33, 65, 2), (1, 127, 129, 3), (2, 130, 7, 70), (1, 300, 257, 12),
    (1, 16, 1025, 5), (1, 1100, 40, 3), (1, 5, 6, 200),
]  # fmt: skip
LADDER = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


def scale_of(shape: tuple[int, ...]) -> float:
    """About the squared distance of two points."""
    return 2.0 * shape[-1]


def biased(x: Tensor, y: Tensor, scale: float) -> Tensor:
    """With the pairs of a point with itself."""
    means = [torch.exp(-(a.unsqueeze(-2) - b.unsqueeze(-3)).square().sum(-1) / scale).mean((-2, -1))
             for a, b in ((x, x), (y, y), (x, y))]  # fmt: skip
    return means[0] + means[1] - 2 * means[2]


# --- Values and gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scales", ["one", "ladder"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(isa: str, shape: tuple[int, ...], kernel: str, scales: str, dtype: torch.dtype) -> None:
    tensors = samples(shape, dtype)
    options = {"kernel": kernel, "scales": scale_of(shape) if scales == "one" else [shape[-1] * c for c in LADDER]}
    value, *grads = gradients(lambda *t: squared_mmd(*t, **options), tensors)
    (rough, *rough_grads), (exact, *exact_grads) = (
        gradients(lambda *t: reference.squared_mmd(*t, **options), [t.to(d) for t in tensors])
        for d in (dtype, torch.float64)
    )
    assert_values(value, rough, exact)
    assert_gradients(grads, rough_grads, exact_grads)
    with torch.no_grad():
        assert_bit_equal(squared_mmd(*tensors, **options), value)


def test_values_that_are_known() -> None:
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0], [3.0]])
    for kernel, k in (("rbf", lambda r: math.exp(-r * r / 2)), ("imq", lambda r: 2 / (2 + r * r))):
        within, between = k(1) + (k(2) + k(3) + k(1)) / 3, (k(0) + k(2) + k(3) + k(1) + k(1) + k(2)) / 6
        value = squared_mmd(x, y, kernel=kernel, scales=2.0).item()
        assert value == pytest.approx(within - 2 * between, abs=1e-7)


def test_scales_are_averaged() -> None:
    x, y = samples((1, 40, 30, 3))
    for kernel in KERNELS:
        each = torch.stack([squared_mmd(x, y, kernel=kernel, scales=c) for c in LADDER])
        torch.testing.assert_close(squared_mmd(x, y, kernel=kernel, scales=LADDER), each.mean(0))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_common_offset_costs_no_digits(isa: str, kernel: str) -> None:
    """|x|^2 - 2 xy + |y|^2 would be off by hundreds."""
    tensors = [t + 1e4 for t in samples((1, 300, 200, 10))]
    options = {"kernel": kernel, "scales": 20.0}
    got = gradients(lambda *t: squared_mmd(*t, **options), tensors)
    want = gradients(lambda *t: reference.squared_mmd(*t, **options), [t.double() for t in tensors])
    assert (got[0] - want[0]).abs().max() < 1e-6
    for a, b in zip(got[1:], want[1:], strict=True):
        assert (a - b).norm() < 1e-5 * b.norm()


def test_many_equal_terms_keep_their_digits(isa: str) -> None:
    """Roundings that all go one way do not add up: x a point, y another, so that every pair has one kernel."""
    x, y = torch.zeros(5000, 3), torch.full((3000, 3), 0.7)
    for kernel in KERNELS:
        got = gradients(lambda *t, kernel=kernel: squared_mmd(*t, kernel=kernel, scales=1.3), [x, y])
        few = [t[:2].double() for t in (x, y)]
        value, grad_x, grad_y = gradients(
            lambda *t, kernel=kernel: reference.squared_mmd(*t, kernel=kernel, scales=1.3), few
        )
        assert (got[0] - value).abs() < 1e-6
        for own, grad in ((got[1], grad_x), (got[2], grad_y)):
            want = grad[0] * 2 / len(own)
            assert (own - want).abs().max() < 1e-6 * want.abs().max()


# --- What the statistic is --------------------------------------------------------------------------------------------


def test_its_mean_is_0_where_both_laws_are_one() -> None:
    draws = torch.randn(2000, 2, 20, 2, generator=torch.Generator().manual_seed(5))
    x, y = draws[:, 0], draws[:, 1]

    def within_three_errors(values: Tensor) -> bool:
        return bool(values.mean().abs() < 3 * values.std() / math.sqrt(len(values)))

    for kernel in KERNELS:
        assert within_three_errors(squared_mmd(x, y, kernel=kernel, scales=2.0))
    assert not within_three_errors(biased(x, y, 2.0))


def test_it_tells_two_laws_apart() -> None:
    x, y, z = torch.randn(500, 2), torch.randn(500, 2), torch.randn(500, 2) + 1
    assert squared_mmd(x, z, scales=4.0) > 0.1 > 10 * squared_mmd(x, y, scales=4.0).abs()


def test_a_sample_with_itself() -> None:
    """Pairs of a point with itself are left out within the samples, not between them."""
    x = torch.randn(30, 4)
    torch.testing.assert_close(squared_mmd(x, x, scales=8.0), reference.squared_mmd(x, x, scales=8.0))
    torch.testing.assert_close(
        pair_sums.squared_mmd_of_pairs(x, x, pair_sums.RBF, [8.0]), reference.squared_mmd(x, x, scales=8.0)
    )


# --- The same bits ----------------------------------------------------------------------------------------------------


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (5, 200, 131, 10), (1, 2500, 1030, 7), (2, 900, 1500, 3)], ids=str)
def test_a_model_has_the_same_bits_alone_in_company_and_on_any_threads(
    isa: str, threads: None, shape: tuple[int, ...], kernel: str
) -> None:
    tensors = samples(shape)
    cotangent = torch.randn(shape[0])

    def results(models: slice) -> list[Tensor]:
        leaves = [t[models].detach().clone().requires_grad_() for t in tensors]
        value = squared_mmd(*leaves, kernel=kernel, scales=(1.0, 9.0))
        return [value.detach(), *torch.autograd.grad(value, leaves, cotangent[models])]

    torch.set_num_threads(1)
    want = results(slice(None))
    for count in (1, 2, 16):
        torch.set_num_threads(count)
        for a, b in zip(results(slice(None)), want, strict=True):
            assert_bit_equal(a, b)
        for a, b in zip(results(slice(shape[0] - 1, None)), want, strict=True):
            assert_bit_equal(a[0], b[-1])


# --- What comes in, and what is asked for -----------------------------------------------------------------------------


def test_leading_axes_broadcast() -> None:
    x, y = torch.randn(3, 1, 9, 4), torch.randn(5, 8, 4)
    value, grad_x, grad_y = gradients(lambda *t: squared_mmd(*t, scales=8.0), [x, y])
    assert value.shape == (3, 5) and grad_x.shape == x.shape and grad_y.shape == y.shape
    want = gradients(lambda *t: reference.squared_mmd(*t, scales=8.0), [x, y])
    for a, b in zip((value, grad_x, grad_y), want, strict=True):
        torch.testing.assert_close(a, b)
    assert squared_mmd(torch.randn(0, 5, 2), torch.randn(4, 2), scales=1.0).shape == (0,)


@pytest.mark.parametrize("shape", [(2, 40, 70, 5), (1, 300, 150, 3)], ids=str)
@pytest.mark.parametrize("asked", [(True, False), (False, True)], ids=str)
def test_only_what_is_asked_for_is_computed(isa: str, shape: tuple[int, ...], asked: tuple[bool, bool]) -> None:
    tensors = samples(shape)
    _, *want = gradients(lambda *t: squared_mmd(*t, scales=4.0), tensors)
    leaves = [t.requires_grad_(needed) for t, needed in zip(tensors, asked, strict=True)]
    value = squared_mmd(*leaves, scales=4.0)
    value.backward(*cotangents_for([value]))
    for leaf, grad, needed in zip(leaves, want, asked, strict=True):
        assert (leaf.grad is not None) == needed
        if needed:
            torch.testing.assert_close(leaf.grad, grad, rtol=1e-6, atol=1e-9)


def test_scores_are_there_where_they_are_wanted() -> None:
    x, y = samples((2, 9, 5, 3))
    op = torch.ops.pyvae.squared_mmd
    for wanted in itertools.product([False, True], repeat=2):
        value, *scores = op(x, y, 0, [2.0], *wanted)
        assert [s.shape[-2] for s in scores] == [9 * wanted[0], 5 * wanted[1]]
        assert_bit_equal(value, op(x, y, 0, [2.0], False, False)[0])
        grads = torch.ops.pyvae.squared_mmd_backward(torch.tensor([1.0, 2.0]), x, y, 0, [2.0], *wanted)
        for grad, score in zip(grads, scores, strict=True):
            assert_bit_equal(grad, torch.tensor([1.0, 2.0]).view(2, 1, 1) * score)


def test_half_types_are_computed_in_float32() -> None:
    x, y = samples((1, 40, 30, 4))
    for dtype in (torch.bfloat16, torch.float16):
        halves = [t.to(dtype).requires_grad_() for t in (x, y)]
        value = squared_mmd(*halves, scales=8.0)
        assert_bit_equal(value, squared_mmd(*(t.detach().float() for t in halves), scales=8.0))
        value.sum().backward()
        assert all(t.grad is not None and t.grad.dtype == dtype for t in halves)
    with torch.autocast("cpu", torch.bfloat16):
        assert_bit_equal(squared_mmd(x, y, scales=8.0), squared_mmd(x, y, scales=8.0).float())
        assert squared_mmd(x.bfloat16(), y, scales=8.0).dtype == torch.float32


def test_scales_may_be_numpys_and_extreme(isa: str) -> None:
    x, y = samples((1, 20, 30, 3))
    for scales in (np.float32(2.0), [np.float64(1.0), 2], (3,)):
        plain = [float(c) for c in scales] if isinstance(scales, Sequence) else float(scales)
        assert_bit_equal(squared_mmd(x, y, scales=scales), squared_mmd(x, y, scales=plain))
    for kernel in KERNELS:
        for scale, want in ((1e300, 0.0), (1e-300, 0.0)):
            value, *grads = gradients(lambda *t, k=kernel, c=scale: squared_mmd(*t, kernel=k, scales=c), [x, y])
            assert value.item() == pytest.approx(want, abs=1e-6)
            assert all(bool((grad == 0).all()) for grad in grads)
