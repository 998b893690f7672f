"""Every op with torch's own tools: gradcheck, with the same bits each time, and opcheck, forward and backward."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.instruction_sets import DEVICES
from tests.ops.catalogue import OPS, Op

SHAPES = [
    *itertools.product(range(1, 7), range(1, 5)),  # (M, D)
    *[(2, 1, 1), (1, 2, 3), (3, 3, 1), (2, 2, 1, 2), (1, 1, 5, 2), (2, 5, 2), (9, 2), (17, 1)],
]


def is_small_enough(shape: tuple[int, ...]) -> bool:
    return torch.Size(shape).numel() <= 24


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", [op for op in OPS if torch.float64 in op.dtypes], ids=str)
def test_gradcheck(device: str, op: Op, shape: tuple[int, ...]) -> None:
    inputs = [t.requires_grad_() for t in op.inputs(*shape, dtype=torch.float64)]
    assert torch.autograd.gradcheck(op.function, inputs, nondet_tol=0)


def test_enough_shapes() -> None:
    assert len(SHAPES) >= 30 and all(map(is_small_enough, SHAPES))


# --- opcheck ----------------------------------------------------------------------------------------------------------

OPCHECK_SHAPES = [(1, 1), (9, 4), (2, 3, 5), (2, 1, 4, 3), (17, 1), (0, 3)]
DTYPES = [torch.float32, torch.float64]


def with_gradients(*tensors: Tensor) -> list[Tensor]:
    return [t.requires_grad_() for t in tensors]


def reparameterize_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype in itertools.product(OPCHECK_SHAPES, DTYPES):
        for seed_axes in (0, 1):
            mu, logvar = with_gradients(torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype))
            yield mu, logvar, torch.arange(torch.Size(shape[:seed_axes]).numel()).view(shape[:seed_axes])


def gaussian_kl_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype in itertools.product(OPCHECK_SHAPES, DTYPES):
        for prior, sum_latents in ((False, True), (True, False), (True, True)):
            tensors = with_gradients(*(torch.randn(shape, dtype=dtype) for _ in range(4)))
            yield (*(tensors if prior else [*tensors[:2], None, None]), sum_latents)


def density_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype, estimator in itertools.product(OPCHECK_SHAPES[:-1], DTYPES, range(4)):
        yield (*with_gradients(*(torch.randn(shape, dtype=dtype) for _ in range(3))), 100, estimator)


def gridded_marginals_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, estimator in itertools.product([*OPCHECK_SHAPES[:-1], (70, 2)], range(4)):
        yield (*with_gradients(*(torch.randn(shape) for _ in range(3))), 100, estimator, 1e-5)


def detached(values: tuple[Any, ...]) -> list[Any]:
    return [v.detach() if isinstance(v, Tensor) else v for v in values]


def on(device: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leaves there, with gradients where these have them."""
    moved = (v.detach().to(device).requires_grad_(v.requires_grad) if isinstance(v, Tensor) else v for v in values)
    return tuple(moved)


def backward_arguments(name: str, inputs: list[Any]) -> list[Any]:
    """What the forward of `inputs` hands to its backward."""
    if name == "minibatch_log_density":
        joint, marginals, *saved = torch.ops.pyvae.minibatch_log_density(*inputs)
        return [torch.randn_like(joint), torch.randn_like(marginals), *inputs[:3], *saved, *inputs[3:]]
    if name == "joint_log_density":
        joint, *saved = torch.ops.pyvae.joint_log_density(*inputs)
        return [torch.randn_like(joint), *inputs[:3], *saved, *inputs[3:]]
    if name == "gridded_marginals":
        marginals, *saved = torch.ops.pyvae.gridded_marginals(*inputs)
        return [torch.randn_like(marginals), *inputs[:3], marginals, *saved, *inputs[3:]]
    if name == "gaussian_kl":
        has_prior = inputs[2] is not None
        return [torch.randn_like(torch.ops.pyvae.gaussian_kl(*inputs)), *inputs, has_prior]
    if name == "reparameterize":
        return [torch.randn_like(torch.ops.pyvae.reparameterize(*inputs)), *inputs[1:]]
    outputs = torch.ops.pyvae.reparameterize_with_kl(*inputs)
    return [*(torch.randn_like(t) for t in outputs), *inputs]


INPUTS = {
    "reparameterize": list(reparameterize_inputs()),
    "reparameterize_with_kl": list(reparameterize_inputs()),
    "gaussian_kl": list(gaussian_kl_inputs()),
    "minibatch_log_density": list(density_inputs()),
    "joint_log_density": list(density_inputs()),
    "gridded_marginals": list(gridded_marginals_inputs()),
}
CASES = [(name, k) for name, inputs in INPUTS.items() for k in range(len(inputs))]


def test_enough_inputs() -> None:
    assert all(len(inputs) >= 24 for inputs in INPUTS.values())


@pytest.mark.parametrize(("name", "k"), CASES)
@pytest.mark.parametrize("device", DEVICES)
def test_opcheck(device: str, name: str, k: int) -> None:
    inputs = on(device, INPUTS[name][k])
    torch.library.opcheck(getattr(torch.ops.pyvae, name).default, inputs)
    arguments = backward_arguments(name, detached(inputs))
    torch.library.opcheck(getattr(torch.ops.pyvae, f"{name}_backward").default, tuple(arguments))
