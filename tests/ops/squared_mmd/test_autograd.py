"""squared_mmd under torch's derivatives, transforms and compilers, and where no kernel serves."""

import sys

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.func as func
from torch import Tensor

from pyvae.ops import pair_sums, reference, squared_mmd
from tests.ops.contract import assert_bit_equal
from tests.ops.two_samples import KERNELS, Statistic, gradients, samples


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
