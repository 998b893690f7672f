"""Every op with torch's own tools: gradcheck, with the same bits each time, and opcheck, forward and backward."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.instruction_sets import CUDA, DEVICES
from tests.ops.catalogue import SCHEMA_INPUTS, USES, Op
from tests.ops.stems import CUDA_OPS, FUNCTIONS

SHAPES = [
    *itertools.product(range(1, 7), range(1, 5)),  # (M, D)
    *[(2, 1, 1), (1, 2, 3), (3, 3, 1), (2, 2, 1, 2), (1, 1, 5, 2), (2, 5, 2), (9, 2), (17, 1)],
]


def is_small_enough(shape: tuple[int, ...]) -> bool:
    return torch.Size(shape).numel() <= 24


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", [op for op in USES if torch.float64 in op.dtypes], ids=str)
def test_gradcheck(device: str, op: Op, shape: tuple[int, ...]) -> None:
    inputs = [t.requires_grad_() for t in op.inputs(*shape, dtype=torch.float64)]
    assert torch.autograd.gradcheck(op.function, inputs, nondet_tol=0)


def test_enough_shapes() -> None:
    assert len(SHAPES) >= 30 and all(map(is_small_enough, SHAPES))


# --- opcheck ----------------------------------------------------------------------------------------------------------


def detached(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(v.detach() if isinstance(v, Tensor) else v for v in values)


def on(device: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leaves there, with gradients where these have them."""
    moved = (v.detach().to(device).requires_grad_(v.requires_grad) if isinstance(v, Tensor) else v for v in values)
    return tuple(moved)


class Calls(TorchDispatchMode):
    """Keeps what an op was last called with."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.arguments = f"pyvae::{name}", ()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name == self.name:
            self.arguments = args
        return func(*args, **(kwargs or {}))


def backward_arguments(name: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """What autograd hands to the backward after a forward of `inputs`."""
    outputs = getattr(torch.ops.pyvae, name)(*inputs)
    outputs = [t for t in (outputs if isinstance(outputs, tuple) else (outputs,)) if t.requires_grad]
    leaves = [t for t in inputs if isinstance(t, Tensor) and t.requires_grad]
    with Calls(f"{name}_backward") as calls:
        torch.autograd.grad(outputs, leaves, [torch.randn_like(t) for t in outputs])
    assert calls.arguments
    return detached(calls.arguments)


INPUTS = {name: list(inputs()) for name, inputs in SCHEMA_INPUTS.items()}
CASES = [
    (device, name, k)
    for device, name in itertools.product(DEVICES, INPUTS)
    for k in range(len(INPUTS[name]))
    if device != CUDA or name in CUDA_OPS
]


def test_every_op_has_enough_inputs() -> None:
    assert sorted(INPUTS) == FUNCTIONS and all(len(inputs) >= 24 for inputs in INPUTS.values())


@pytest.mark.parametrize(("device", "name", "k"), CASES)
def test_opcheck(device: str, name: str, k: int) -> None:
    inputs = on(device, INPUTS[name][k])
    torch.library.opcheck(getattr(torch.ops.pyvae, name).default, inputs)
    torch.library.opcheck(getattr(torch.ops.pyvae, f"{name}_backward").default, backward_arguments(name, inputs))
