"""squared_mmd of equal, far, tiny and missing numbers."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from pyvae.ops import squared_mmd
from tests.ops.contract import assert_bit_equal
from tests.ops.two_samples import DTYPES, KERNELS, gradients, samples


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
