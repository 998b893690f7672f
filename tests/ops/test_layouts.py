"""Arguments and cotangents in any memory layout give the bits of their contiguous copies."""

import pytest
import torch
from torch import Tensor

from tests.ops.catalogue import USES, Op
from tests.ops.contract import assert_bit_equal, layouts

SHAPES = [(6, 9), (37, 5), (2, 33, 4), (3, 1, 17)]


def results(op: Op, inputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
    leaves = [t.detach().requires_grad_() for t in inputs]  # as they lie in memory: a clone could be contiguous
    outputs = op.function(*leaves)
    return [*outputs, *torch.autograd.grad(outputs, leaves, cotangents)]


def assert_same(op: Op, inputs: list[Tensor], cotangents: list[Tensor]) -> None:
    want = results(op, [t.contiguous() for t in inputs], [t.contiguous() for t in cotangents])
    for a, b in zip(results(op, inputs, cotangents), want, strict=True):
        assert_bit_equal(a, b)


@pytest.mark.parametrize("layout", ["transposed", "strided", "misaligned"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", USES, ids=str)
def test_values_and_gradients(place: str, op: Op, shape: tuple[int, ...], layout: str) -> None:
    inputs = op.inputs(*shape)
    cotangents = [torch.randn_like(t) for t in op.function(*inputs)]
    inputs, cotangents = ([layouts(t)[layout] for t in tensors] for tensors in (inputs, cotangents))
    assert_same(op, inputs, cotangents)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("op", USES, ids=str)
def test_expanded(place: str, op: Op, axis: int) -> None:
    shape = (3, 21, 5)
    inputs = [t.narrow(axis, 0, 1).expand(shape) for t in op.inputs(*shape)]
    cotangents = [torch.randn(()).expand(t.shape) for t in op.function(*inputs)]
    assert_same(op, inputs, cotangents)


def test_the_layouts_are_what_they_say() -> None:
    for name, tensor in layouts(torch.randn(6, 9)).items():
        assert tensor.is_contiguous() == (name == "misaligned"), name
    assert layouts(torch.randn(6, 9))["misaligned"].data_ptr() % 16 == 4
