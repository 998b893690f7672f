"""What a loss leaves out has no gradient, whatever stands there: a cotangent of exactly 0 contributes 0."""

import math

import pytest
import torch
from torch import Tensor

import pyvae
from tests.ops.catalogue import USES, Op
from tests.ops.contract import assert_bit_equal

ELEMENTWISE = [op for op in USES if not op.has_pairs]
SHAPES = [(70, 1), (70, 3), (70, 33), (3, 2500)]  # on both sides of blocks of 64 and tiles of 1024 elements
PADDING = [95.0, 200.0, -200.0, 1e4, math.inf, -math.inf, math.nan]
"""From 89 on d KL / d logvar is infinite in float32, from 178 on d z / d logvar, from 1419 on both in float64."""


def gradients_of_rows(op: Op, inputs: list[Tensor], kept: Tensor, zero: float) -> tuple[Tensor, ...]:
    """Of random multiples of the results in the rows kept; the others' cotangents are `zero`, 0 or -0."""
    leaves = [t.clone().requires_grad_() for t in inputs]
    outputs = op.function(*leaves)
    generator = torch.Generator(outputs[0].device).manual_seed(0)
    cotangents = []
    for output in outputs:
        cotangent = torch.full_like(output, zero)
        cotangent[kept] = torch.randn(output[kept].shape, generator=generator, dtype=output.dtype)
        cotangents.append(cotangent)
    return torch.autograd.grad(outputs, leaves, cotangents)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("last_only", [False, True], ids=["every third", "the last"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", ELEMENTWISE, ids=str)
def test_a_row_left_out_has_no_gradient_and_changes_no_other(
    place: str, op: Op, shape: tuple[int, int], last_only: bool, dtype: torch.dtype
) -> None:
    clean = op.inputs(*shape, dtype=dtype)
    rows = torch.arange(shape[0])
    kept = rows < shape[0] - 1 if last_only else rows % 3 != 1
    want = gradients_of_rows(op, clean, kept, 0.0)
    for value in PADDING:
        padded = [t.clone() for t in clean]
        for t in padded:
            t[~kept] = value
        for zero in (0.0, -0.0):
            got = gradients_of_rows(op, padded, kept, zero)
            for a, b in zip(got, want, strict=True):
                assert_bit_equal(a[kept], b[kept])
                assert bool((a[~kept] == 0).all()), value


def test_a_cotangent_that_is_not_0_still_meets_infinity(place: str) -> None:
    logvar = torch.tensor([[95.0, 1.0], [95.0, 1.0]], requires_grad=True)
    pyvae.gaussian_kl(torch.zeros(2, 2), logvar).backward(torch.tensor([1e-30, 0.0]))
    assert logvar.grad[0, 0] == math.inf and bool((logvar.grad[1] == 0).all())
