"""The squared maximum mean discrepancy against plain torch in float64, and what is not for the kernels."""

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.func as func
from torch import Tensor

from pyvae.ops import pair_sums, reference, squared_mmd
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, cotangents_for
from tests.ops.memory import growth

# (models, n, m, D): around registers, tiles of rows, groups of columns, blocks, and groups of latents.
SHAPES = [
    (1, 2, 2, 1), (2, 3, 2, 4), (1, 9, 17, 10), (3, 33, 65, 2), (1, 127, 129, 3), (2, 130, 7, 70), (1, 300, 257, 12),
    (1, 16, 1025, 5), (1, 1100, 40, 3), (1, 5, 6, 200),
]  # fmt: skip
KERNELS = ["rbf", "imq"]
LADDER = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
DTYPES = [torch.float32, torch.float64]

Statistic = Callable[..., Tensor]


def samples(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Two samples of different laws."""
    models, n, m, latents = shape
    return [torch.randn(models, n, latents, dtype=dtype), 1.3 * torch.randn(models, m, latents, dtype=dtype) + 0.2]


def scale_of(shape: tuple[int, ...]) -> float:
    """About the squared distance of two points."""
    return 2.0 * shape[-1]


def gradients(statistic: Statistic, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The statistic and its gradients."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    value = statistic(*leaves)
    return [value.detach(), *torch.autograd.grad(value, leaves, cotangents_for([value]))]


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


# --- Hostile values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_points_and_far_ones(isa: str, kernel: str, dtype: torch.dtype) -> None:
    x, y = torch.full((300, 5), 3.5, dtype=dtype), torch.full((200, 5), 3.5, dtype=dtype)
    value, *grads = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=(1.0, 3.0)), [x, y])
    assert abs(value.item()) < 1e-14 and all(bool((grad == 0).all()) for grad in grads)
    value, *grads = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=(1.0, 3.0)), [x, y + 1e20])
    assert value.item() == pytest.approx(2.0, abs=1e-12)
    assert all(bool((grad.abs() < 1e-30).all()) for grad in grads)
    apart = torch.arange(20, dtype=dtype).view(-1, 1) * 1e20
    value, *grads = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=1.0), [apart, -apart - 1e20])
    assert value.item() == pytest.approx(0.0, abs=1e-12) and all(bool((grad.abs() < 1e-30).all()) for grad in grads)


@pytest.mark.parametrize("kernel", KERNELS)
def test_subnormal_points_are_zeros(isa: str, kernel: str) -> None:
    x, y = samples((1, 40, 50, 3))
    tiny = [t.clone() for t in (x, y)]
    for t in tiny:
        t[0, 3] = 1e-41
    zero = [torch.where(t == 1e-41, 0.0, t) for t in tiny]
    got, want = (gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=2.0), s) for s in (tiny, zero))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n", [2, 17, 300])
def test_what_is_no_number_stays_none_and_in_its_model(isa: str, kernel: str, n: int) -> None:
    clean = samples((2, n, n + 3, 3))
    want = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=2.0), clean)
    for which, row in itertools.product((0, 1), (0, n - 1)):
        tensors = [t.clone() for t in clean]
        tensors[which][0, row, 1] = math.nan
        got = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=2.0), tensors)
        assert got[0][0].isnan() and bool(got[1 + which][0, row].isnan().any())
        for a, b in zip(got, want, strict=True):
            assert_bit_equal(a[1], b[1])


def test_a_cotangent_of_0_contributes_0() -> None:
    x, y = samples((2, 9, 8, 3))
    x[0, 0] = math.nan
    for statistic in (lambda *t: squared_mmd(*t, scales=2.0), by_op):
        leaves = [t.detach().requires_grad_() for t in (x, y)]
        grads = torch.autograd.grad(statistic(*leaves), leaves, torch.tensor([0.0, 1.0]))
        assert all(bool((grad[0] == 0).all()) and bool(grad[1].isfinite().all()) for grad in grads)


def by_op(x: Tensor, y: Tensor) -> Tensor:
    """By a forward that leaves no derivatives."""
    value: Tensor = torch.ops.pyvae.squared_mmd(x, y, 0, [2.0], False, False)[0]
    return value


# --- Memory -----------------------------------------------------------------------------------------------------------

CALL = "pyvae.squared_mmd(a, b, scales=20.0).backward()"


def test_memory_of_squared_mmd_does_not_grow_with_the_square() -> None:
    assert growth(CALL, 16_384) < 20  # [n, n] would be 1024 MiB


def test_memory_of_large_samples() -> None:
    assert growth(CALL, 65_536) < 64


# --- What is torch's --------------------------------------------------------------------------------------------------


def first_and_second(statistic: Statistic, tensors: list[Tensor], kernel: str) -> list[Tensor]:
    leaves = [t.detach().requires_grad_() for t in tensors]
    value = statistic(*leaves, kernel=kernel, scales=(2.0, 5.0))
    first = torch.autograd.grad(value.exp().sum(), leaves, create_graph=True)
    return [*first, *torch.autograd.grad(sum(g.square().sum() for g in first), leaves)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_second_derivatives(kernel: str) -> None:
    tensors = samples((2, 3, 4, 2), torch.float64)
    leaves = [t.requires_grad_() for t in tensors]
    assert torch.autograd.gradcheck(lambda *t: squared_mmd(*t, kernel=kernel, scales=3.0), leaves, nondet_tol=0)
    assert torch.autograd.gradgradcheck(lambda *t: squared_mmd(*t, kernel=kernel, scales=3.0).square(), leaves)
    # Which compares a graph of gradients with itself: here with the reference's.
    got, want = (first_and_second(f, tensors, kernel) for f in (squared_mmd, reference.squared_mmd))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
def test_forward_mode(kernel: str) -> None:
    tensors = samples((2, 3, 4, 2), torch.float64)
    tangents = [torch.randn_like(t) for t in tensors]
    options = {"kernel": kernel, "scales": (2.0, 5.0)}
    want = func.jvp(lambda *t: reference.squared_mmd(*t, **options), tuple(tensors), tuple(tangents))
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(t, tangent) for t, tangent in zip(tensors, tangents, strict=True)]
        got = forward_ad.unpack_dual(squared_mmd(*duals, **options))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
def test_torch_func(kernel: str) -> None:
    x, y = (t[0] for t in samples((1, 5, 4, 2), torch.float64))

    def loss(x: Tensor, y: Tensor = y, statistic: Statistic = squared_mmd) -> Tensor:
        return statistic(x, y, kernel=kernel, scales=(2.0, 5.0)).square()

    def plain(x: Tensor, y: Tensor = y) -> Tensor:
        return loss(x, y, reference.squared_mmd)

    for transform in (func.grad, func.hessian, func.jacrev, func.jacfwd):
        torch.testing.assert_close(transform(loss)(x), transform(plain)(x))
    both = func.grad(loss, argnums=(0, 1))(x, y)
    for a, b in zip(both, func.grad(plain, argnums=(0, 1))(x, y), strict=True):
        torch.testing.assert_close(a, b)

    def slope(x: Tensor, f: Statistic) -> Tensor:
        return func.grad(f)(x).square().sum()

    torch.testing.assert_close(func.grad(slope)(x, loss), func.grad(slope)(x, plain))
    xs = torch.randn(3, 5, 2, dtype=torch.float64)
    torch.testing.assert_close(func.vmap(loss)(xs), func.vmap(plain)(xs))
    torch.testing.assert_close(func.vmap(func.grad(loss))(xs), func.vmap(func.grad(plain))(xs))
    together = func.grad(lambda xs: func.vmap(loss)(xs).sum())(xs)
    torch.testing.assert_close(together, func.vmap(func.grad(plain))(xs))


def test_the_op_itself_takes_leading_axes() -> None:
    """What vmap makes of it."""
    x, y = (torch.stack([t, 2 * t]) for t in samples((3, 5, 4, 2)))
    op = torch.ops.pyvae.squared_mmd
    together = func.vmap(lambda *t: op(*t, 0, [2.0], True, True))(x, y)
    for k, t in enumerate(together):
        assert_bit_equal(t, op(x, y, 0, [2.0], True, True)[k])
        assert_bit_equal(t[1], op(x[1], y[1], 0, [2.0], True, True)[k])
    shared = func.vmap(lambda x: op(x, y[0], 0, [2.0], True, False)[0])(x)
    assert_bit_equal(shared[1], op(x[1], y[0], 0, [2.0], True, False)[0])


class Points(Tensor):
    """A subclass, which no kernel serves."""


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("numbers", [2**22, 60])
def test_what_no_kernel_serves_is_summed_by_chunks(monkeypatch: pytest.MonkeyPatch, kernel: str, numbers: int) -> None:
    monkeypatch.setattr(pair_sums, "_NUMBERS", numbers)
    options = {"kernel": kernel, "scales": (2.0, 5.0)}
    tensors = samples((2, 9, 7, 3), torch.float64)
    want = gradients(lambda *t: reference.squared_mmd(*t, **options), tensors)

    def subclassed(x: Tensor, y: Tensor) -> Tensor:
        return squared_mmd(x.as_subclass(Points), y.as_subclass(Points), **options).as_subclass(Tensor)

    for a, b in zip(gradients(subclassed, tensors), want, strict=True):
        torch.testing.assert_close(a, b)
    x, y = (t.requires_grad_() for t in tensors)
    assert torch.autograd.gradgradcheck(lambda x, y: subclassed(x, y).square(), [x, y])
    frozen = subclassed(x, y.detach())
    torch.testing.assert_close(
        torch.autograd.grad(frozen.sum(), x)[0],
        func.grad(lambda x: reference.squared_mmd(x, y.detach(), **options).sum())(x.detach()),
    )
    for part in ("value", "score"):
        assert_chunks_are_bounded(monkeypatch, part)


def assert_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    seen = []
    distances = pair_sums._distances

    def watched(*arguments: object) -> tuple[Tensor, Tensor]:
        found = distances(*arguments)
        seen.append(found[0].numel())
        return found

    with monkeypatch.context() as patch:
        patch.setattr(pair_sums, "_distances", watched)
        patch.setattr(pair_sums, "_NUMBERS", 400)
        x, y = torch.randn(30, 4), torch.randn(20, 4)
        if part == "value":
            pair_sums.squared_mmd_of_pairs(x, y, 0, [1.0])
        else:
            pair_sums.scores_of_pairs(x, y, 0, [1.0], True, True)
    assert max(seen) <= 400 and sum(seen) >= 4 * (30 * 30 + 20 * 20 + 30 * 20)


@pytest.mark.parametrize("kernel", KERNELS)
def test_compiles_in_one_graph(kernel: str) -> None:
    torch._dynamo.reset()
    tensors = samples((2, 7, 5, 3))
    compiled = torch.compile(
        lambda *t: squared_mmd(*t, kernel=kernel, scales=(2.0, 5.0)), fullgraph=True, backend="aot_eager"
    )
    want = gradients(lambda *t: squared_mmd(*t, kernel=kernel, scales=(2.0, 5.0)), tensors)
    for a, b in zip(gradients(compiled, tensors), want, strict=True):
        assert_bit_equal(a, b)


def test_chunks_compile_in_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device without kernels."""
    torch._dynamo.reset()
    monkeypatch.setattr(sys.modules["pyvae.ops.squared_mmd"], "_serves", lambda x, y: False)
    monkeypatch.setattr(pair_sums, "_NUMBERS", 60)
    tensors = samples((1, 7, 5, 3))
    compiled = torch.compile(lambda *t: squared_mmd(*t, scales=2.0), fullgraph=True, backend="aot_eager")
    want = gradients(lambda *t: reference.squared_mmd(*t, scales=2.0), tensors)
    for a, b in zip(gradients(compiled, tensors), want, strict=True):
        torch.testing.assert_close(a, b)


def test_open_samples_are_exported() -> None:
    class Program(torch.nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return squared_mmd(x, y, scales=2.0)

    points = torch.export.Dim("points", min=2)
    program = torch.export.export(Program(), (torch.randn(7, 3), torch.randn(5, 3)), dynamic_shapes=({0: points}, None))
    x, y = torch.randn(30, 3), torch.randn(5, 3)
    assert_bit_equal(program.module()(x, y), squared_mmd(x, y, scales=2.0))


def test_shapes_of_tensors_without_data() -> None:
    x, y = (t.to("meta") for t in samples((2, 7, 5, 3)))
    assert squared_mmd(x, y, scales=2.0).shape == (2,)


# --- What does not fit ------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[type[Exception], Callable[..., object]]] = {
    r"x must be a tensor, got list\.": (TypeError, lambda x, y: squared_mmd([1.0], y, scales=1.0)),
    r"x must be float32, float64, bfloat16 or float16, got int64\.": (
        TypeError,
        lambda x, y: squared_mmd(x.long(), y, scales=1.0),
    ),
    r"y must have the dtype of x, float32, got float64\.": (
        TypeError,
        lambda x, y: squared_mmd(x, y.double(), scales=1.0),
    ),
    r"y must be on the device of x, cpu, got meta\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y.to("meta"), scales=1.0),
    ),
    r"x must have the shape \[\.\.\., n, D\], got \[3\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x[0, 0], y, scales=1.0),
    ),
    r"x must have at least two points, \[\.\.\., n, D\], got \[2, 1, 3\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x[:, :1], y, scales=1.0),
    ),
    r"y must have at least two points, \[\.\.\., m, D\], got \[2, 1, 3\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y[:, :1], scales=1.0),
    ),
    r"y must have points with the axes of x, \[\.\.\., m, 3\], got \[2, 5, 2\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y[..., :2], scales=1.0),
    ),
    r"x and y must have leading axes that broadcast, got x \[2, 7, 3\], y \[3, 5, 3\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x, torch.randn(3, 5, 3), scales=1.0),
    ),
    r"kernel must be 'rbf' or 'imq', got 'laplace'\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y, kernel="laplace", scales=1.0),
    ),
    r"scales must be a number or a sequence of numbers, got str\.": (
        TypeError,
        lambda x, y: squared_mmd(x, y, scales="1"),
    ),
    r"scales must be a number or a sequence of numbers, got Tensor\.": (
        TypeError,
        lambda x, y: squared_mmd(x, y, scales=torch.ones(2)),
    ),
    r"scales must be one or more finite numbers above 0, got \[\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y, scales=[]),
    ),
    r"scales must be one or more finite numbers above 0, got \[1\.0, 0\.0\]\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y, scales=[1.0, 0.0]),
    ),
    r"scales must be one or more finite numbers above 0, got nan\.": (
        ValueError,
        lambda x, y: squared_mmd(x, y, scales=math.nan),
    ),
    "two points of each sample": (
        RuntimeError,
        lambda x, y: torch.ops.pyvae.squared_mmd(x[:, :1], y, 0, [1.0], False, False),
    ),
    "the same leading axes": (RuntimeError, lambda x, y: torch.ops.pyvae.squared_mmd(x, y[:1], 0, [1.0], False, False)),
    "the kernel 0 or 1": (RuntimeError, lambda x, y: torch.ops.pyvae.squared_mmd(x, y, 2, [1.0], False, False)),
    "one scale at least": (RuntimeError, lambda x, y: torch.ops.pyvae.squared_mmd(x, y, 0, [], False, False)),
    "tensors of one dtype": (
        RuntimeError,
        lambda x, y: torch.ops.pyvae.squared_mmd_backward(torch.ones(2).double(), x, y, 0, [1.0], True, True),
    ),
    "expected grad with the leading axes": (
        RuntimeError,
        lambda x, y: torch.ops.pyvae.squared_mmd_backward(torch.ones(3), x, y, 0, [1.0], True, True),
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_fit_is_one_sentence(words: str) -> None:
    error, call = REFUSED[words]
    with pytest.raises(error, match=words):
        call(*samples((2, 7, 5, 3)))
