"""Stacked affine maps against plain torch in float64, and what is not for the kernels against torch.baddbmm."""

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.func as func
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pyvae.ops import reference, stacked_affine
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, cotangents_for

# (models, batch, inputs, outputs): around vectors, panels, tiles, blocks of inputs, and where pieces end.
SHAPES = [
    (1, 1, 1, 1), (3, 5, 7, 3), (2, 64, 33, 65), (2, 7, 129, 64), (1, 65, 48, 17), (2, 193, 50, 130), (4, 6, 257, 31),
]  # fmt: skip
DTYPES = [torch.float32, torch.float64]
KERNELS = {"pyvae::stacked_affine", "pyvae::stacked_affine_backward"}


def maps(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """x, weight and bias."""
    models, batch, inputs, outputs = shape
    sizes = (models, batch, inputs), (models, inputs, outputs), (models, 1, outputs)
    return [torch.randn(size, dtype=dtype) for size in sizes]


def gradients(function: Callable[..., Tensor], tensors: list[Tensor]) -> list[Tensor]:
    leaves = [t.detach().requires_grad_() for t in tensors]
    y = function(*leaves)
    return [y.detach(), *torch.autograd.grad(y, leaves, cotangents_for([y]))]


def ops_called(run: Callable[[], object]) -> set[str]:
    with FlopCounterMode(display=False) as counter:
        run()
    return {op._qualified_op_name for op in counter.flop_counts["Global"]}


# --- Values and gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(isa: str, shape: tuple[int, ...], relu: bool, dtype: torch.dtype) -> None:
    tensors = maps(shape, dtype)
    y, *grads = gradients(lambda *t: stacked_affine(*t, relu=relu), tensors)

    def plain(*t: Tensor) -> Tensor:
        # The mask is the op's own: beside 0 rounding decides.
        affine = reference.stacked_affine(*t)
        return torch.where(y == 0, 0, affine) if relu else affine

    (rough, *rough_grads), (exact, *exact_grads) = (
        gradients(plain, [t.to(d) for t in tensors]) for d in (dtype, torch.float64)
    )
    terms = reference.stacked_affine(*(t.double().abs() for t in tensors))
    assert_values(y, rough, exact, terms=terms)
    assert_gradients(grads, rough_grads, exact_grads)
    if relu:
        assert_values(y, rough, reference.stacked_affine(*(t.double() for t in tensors), relu=True), terms=terms)


def test_what_is_no_number_passes_as_through_torchs_relu() -> None:
    x = torch.tensor([[[math.nan], [1.0], [-1.0], [0.0]]])
    tensors = [x, torch.ones(1, 1, 1), torch.zeros(1, 1, 1)]
    ours = gradients(lambda *t: stacked_affine(*t, relu=True), tensors)
    for a, b in zip(ours, gradients(lambda *t: reference.stacked_affine(*t, relu=True), tensors), strict=True):
        assert_bit_equal(a, b)
    assert ours[0].isnan().sum() == 1


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(1, 64, 130, 300), (5, 200, 150, 70), (3, 64, 700, 18)], ids=str)
def test_a_model_has_the_same_bits_alone_in_company_and_on_any_threads(
    isa: str, threads: None, shape: tuple[int, ...]
) -> None:
    tensors = maps(shape)
    cotangent = torch.randn(shape[0], shape[1], shape[3])

    def results(*t: Tensor, models: slice = slice(None)) -> list[Tensor]:
        leaves = [v[models].detach().clone().requires_grad_() for v in t]
        y = stacked_affine(*leaves, relu=True)
        return [y, *torch.autograd.grad(y, leaves, cotangent[models])]

    torch.set_num_threads(1)
    want = results(*tensors)
    for count in (2, 3, 7):
        torch.set_num_threads(count)
        for a, b in zip(results(*tensors), want, strict=True):
            assert_bit_equal(a, b)
        for a, b in zip(results(*tensors, models=slice(shape[0] - 1, None)), want, strict=True):
            assert_bit_equal(a[0], b[-1])


# --- What comes in, and what is asked for -----------------------------------------------------------------------------


def test_inputs_may_be_shared_by_all_models() -> None:
    _, weight, bias = maps((3, 9, 20, 5))
    x = torch.randn(9, 20)
    got = gradients(stacked_affine, [x, weight, bias])
    want = gradients(lambda x, *t: stacked_affine(x.expand(3, 9, 20).contiguous(), *t), [x, weight, bias])
    for a, b in zip(got, want, strict=True):
        assert_bit_equal(a, b)


def test_parameters_may_lie_in_one_matrix_and_tensors_anyhow() -> None:
    tensors = maps((3, 9, 20, 5))
    want = gradients(stacked_affine, tensors)
    apart = [torch.randn(3, t[0].numel() + 7)[:, 2 : 2 + t[0].numel()].view(t.shape).copy_(t) for t in tensors]
    transposed = [t.mT.contiguous().mT for t in tensors]
    models_last = [t.movedim(0, -1).contiguous().movedim(-1, 0) for t in tensors]
    for layout in (apart, transposed, models_last):
        for a, b in zip(gradients(stacked_affine, layout), want, strict=True):
            assert_bit_equal(a, b)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("asked", [c for c in itertools.product([False, True], repeat=3) if any(c)], ids=str)
def test_only_what_is_asked_for_is_computed(asked: tuple[bool, ...], relu: bool) -> None:
    tensors = maps((2, 9, 20, 5))
    _, *want = gradients(lambda *t: stacked_affine(*t, relu=relu), tensors)
    leaves = [t.requires_grad_(needed) for t, needed in zip(tensors, asked, strict=True)]
    y = stacked_affine(*leaves, relu=relu)
    y.backward(*cotangents_for([y]))
    for leaf, grad, needed in zip(leaves, want, asked, strict=True):
        assert (leaf.grad is not None) == needed
        if needed:
            assert_bit_equal(leaf.grad, grad)


def test_a_gradient_that_is_not_asked_for_is_empty() -> None:
    x, weight, _ = maps((2, 9, 20, 5))
    backward, grad = torch.ops.pyvae.stacked_affine_backward, torch.randn(2, 9, 5)
    assert [t.shape for t in backward(grad, None, None, None, False)] == [(2, 0)] * 3
    assert [t.shape for t in backward(grad, x, None, None, False)] == [(2, 0), (2, 20, 5), (2, 0)]
    assert [t.shape for t in backward(grad, None, weight, None, True)] == [(2, 9, 20), (2, 0), (2, 1, 5)]


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)], ids=str)
def test_empty_tensors(isa: str, shape: tuple[int, ...]) -> None:
    tensors = maps(shape)
    for relu in (False, True):
        got = gradients(lambda *t, relu=relu: stacked_affine(*t, relu=relu), tensors)
        want = gradients(lambda *t, relu=relu: reference.stacked_affine(*t, relu=relu), tensors)
        for a, b in zip(got, want, strict=True):
            torch.testing.assert_close(a, b)


# --- What is torch's --------------------------------------------------------------------------------------------------


def first_and_second(affine: Callable[..., Tensor], tensors: list[Tensor], relu: bool) -> list[Tensor]:
    first = torch.autograd.grad(affine(*tensors, relu=relu).exp().sum(), tensors, create_graph=True)
    return [*first, *torch.autograd.grad(sum(g.square().sum() for g in first), tensors)]


@pytest.mark.parametrize("relu", [False, True])
def test_second_derivatives(relu: bool) -> None:
    tensors = [t.requires_grad_() for t in maps((2, 3, 4, 2), torch.float64)]
    assert torch.autograd.gradgradcheck(lambda *t: stacked_affine(*t, relu=relu).square(), tensors)
    # Which compares a graph of gradients with itself: here with the reference's.
    got, want = (first_and_second(f, tensors, relu) for f in (stacked_affine, reference.stacked_affine))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)
    frozen = [tensors[0], *(t.detach() for t in tensors[1:])]
    assert torch.autograd.gradgradcheck(lambda x: stacked_affine(x, *frozen[1:], relu=relu).square(), tensors[:1])


def test_forward_mode() -> None:
    tensors = maps((2, 3, 4, 2), torch.float64)
    tangents = [torch.randn_like(t) for t in tensors]
    want = func.jvp(lambda *t: reference.stacked_affine(*t, relu=True), tuple(tensors), tuple(tangents))
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(t, tangent) for t, tangent in zip(tensors, tangents, strict=True)]
        got = forward_ad.unpack_dual(stacked_affine(*duals, relu=True))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_torch_func() -> None:
    x, weight, bias = maps((2, 3, 4, 2), torch.float64)

    def loss(x: Tensor, affine: Callable[..., Tensor] = stacked_affine) -> Tensor:
        return affine(x, weight, bias, relu=True).square().sum()

    def plain(x: Tensor) -> Tensor:
        return loss(x, reference.stacked_affine)

    for transform in (func.grad, func.hessian, func.jacrev, func.jacfwd):
        torch.testing.assert_close(transform(loss)(x), transform(plain)(x))
    xs = torch.randn(5, 2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(func.vmap(loss)(xs), func.vmap(plain)(xs))
    torch.testing.assert_close(func.vmap(func.grad(loss))(xs), func.vmap(func.grad(plain))(xs))


def test_the_op_itself_takes_leading_axes() -> None:
    """What vmap makes of it; the kernels see one axis of models."""
    x, weight, bias = (torch.stack([t, 2 * t]) for t in maps((3, 5, 4, 2)))
    op = torch.ops.pyvae.stacked_affine
    together = func.vmap(lambda *t: op(*t, True))(x, weight, bias)
    assert_bit_equal(together, op(x, weight, bias, True))
    assert_bit_equal(together[1], op(x[1], weight[1], bias[1], True))
    shared = func.vmap(lambda x: op(x, weight[0], bias[0], False))(x)
    assert_bit_equal(shared[1], op(x[1], weight[0], bias[0], False))


@pytest.mark.parametrize("relu", [False, True])
def test_compiles_in_one_graph(relu: bool) -> None:
    torch._dynamo.reset()
    tensors = maps((2, 3, 4, 2))
    compiled = torch.compile(lambda *t: stacked_affine(*t, relu=relu), fullgraph=True, backend="aot_eager")
    want = gradients(lambda *t: reference.stacked_affine(*t, relu=relu), tensors)
    for a, b in zip(gradients(compiled, tensors), want, strict=True):
        torch.testing.assert_close(a, b)


def test_an_open_batch_is_exported() -> None:
    class Map(torch.nn.Module):
        def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return stacked_affine(x, weight, bias)

    tensors = maps((2, 3, 4, 5))
    program = torch.export.export(Map(), tuple(tensors), dynamic_shapes=({1: torch.export.Dim("batch")}, None, None))
    x = torch.randn(2, 8, 4)
    torch.testing.assert_close(program.module()(x, *tensors[1:]), stacked_affine(x, *tensors[1:]))


def test_autocast_and_half_types_are_as_torchs() -> None:
    tensors = maps((2, 3, 4, 5))
    x, weight, bias = tensors
    with torch.autocast("cpu", torch.bfloat16):
        got, want = stacked_affine(x, weight, bias), torch.baddbmm(bias, x, weight)
        mixed = stacked_affine(x.bfloat16(), weight, bias)
    assert_bit_equal(got, want)
    assert got.dtype == mixed.dtype == torch.bfloat16
    halves = [t.bfloat16() for t in tensors]
    assert_bit_equal(stacked_affine(*halves, relu=True), torch.baddbmm(halves[2], *halves[:2]).relu())
    assert stacked_affine(*(t.to("meta") for t in tensors)).shape == (2, 3, 5)


def test_ordinary_calls_take_the_kernels_and_count_their_products() -> None:
    x, weight, bias = (t.requires_grad_() for t in maps((2, 3, 4, 5)))
    assert ops_called(lambda: stacked_affine(x, weight, bias).sum().backward()) == KERNELS
    product = 2 * 2 * 3 * 4 * 5
    for frozen, products in ((None, 3), (x, 2)):
        if frozen is not None:
            frozen.requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            stacked_affine(x, weight, bias).sum().backward()
        assert counter.get_total_flops() == products * product
    with torch.profiler.profile() as profile:
        stacked_affine(x, weight, bias)
    assert "pyvae::stacked_affine" in {event.key for event in profile.key_averages()}


# --- What does not fit ------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[type[Exception], Callable[..., object]]] = {
    r"x must be a tensor, got list\.": (TypeError, lambda x, w, b: stacked_affine([1.0], w, b)),
    r"x must be float32, float64, bfloat16 or float16, got int64\.": (
        TypeError,
        lambda x, w, b: stacked_affine(x.long(), w, b),
    ),
    r"weight must have the dtype of x, float32, got float64\.": (
        TypeError,
        lambda x, w, b: stacked_affine(x, w.double(), b),
    ),
    r"bias must be on the device of x, cpu, got meta\.": (
        ValueError,
        lambda x, w, b: stacked_affine(x, w, b.to("meta")),
    ),
    r"weight must have the shape \[K, inputs, outputs\], got \[4, 5\]\.": (
        ValueError,
        lambda x, w, b: stacked_affine(x, w[0], b),
    ),
    r"bias must have the shape \[2, 1, 5\], got \[2, 5\]\.": (
        ValueError,
        lambda x, w, b: stacked_affine(x, w, b.squeeze(1)),
    ),
    r"x must have the shape \[2, B, 4\] or \[B, 4\], got \[2, 3, 3\]\.": (
        ValueError,
        lambda x, w, b: stacked_affine(x[..., 1:], w, b),
    ),
    r"x must have the shape \[2, B, 4\] or \[B, 4\], got \[1, 3, 4\]\.": (
        ValueError,
        lambda x, w, b: stacked_affine(x[:1], w, b),
    ),
    "with the same leading axes": (RuntimeError, lambda x, w, b: torch.ops.pyvae.stacked_affine(x, w[:1], b, False)),
    "with two axes at least": (RuntimeError, lambda x, w, b: torch.ops.pyvae.stacked_affine(x[0, 0], w, b, False)),
    "tensors of one dtype": (
        RuntimeError,
        lambda x, w, b: torch.ops.pyvae.stacked_affine_backward(b, x[:, :1].double(), None, None, True),
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_fit_is_one_sentence(words: str) -> None:
    error, call = REFUSED[words]
    with pytest.raises(error, match=words):
        call(*maps((2, 3, 4, 5)))
