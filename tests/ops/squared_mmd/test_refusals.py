"""What squared_mmd refuses, in a sentence each."""

import math
from collections.abc import Callable

import pytest
import torch

from pyvae.ops import squared_mmd
from tests.ops.two_samples import samples

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
