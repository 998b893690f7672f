"""What densities and stacked affine maps compute, for torch.utils.flop_counter.FlopCounterMode.

Additions and multiplications count one each, a multiply-add two, as in torch's matrix products, and a power of two one.
Elementwise ops are not counted, as torch counts none.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

# Of a term (i, j, d). Forward: the distance, its multiple by the scale, its square added to the exponent (4); for the
# marginal too, a power of two, and an addition each to its total and to the joint's exponent (3).
_JOINT, _BOTH = 4, 7
# Backward: the exponent again, times the distance (1), and a multiply-add to each of three gradients (6); for the
# marginal too, the joint's addition, the exponent less its logarithm, a power of two, and the weight of both (6).
_JOINT_BACKWARD, _BOTH_BACKWARD = 11, 17
# Of a pair (i, j) of the joint: the power of two and its addition, or its product with the cotangent.
_PAIR = 2
# Of a latent of a point, on grids (docs/gridding.md): a posterior meets some 72 nodes at 15 operations each, a query 16
# nodes at 20; so do the cotangents in the backward. How many are summed one by one depends on data and is left out.
_POSTERIOR_ON_GRID, _QUERY_ON_GRID = 15 * 72, 20 * 16

Shape = Sequence[int]


def _pairs(of_term: int) -> Callable[..., int]:
    def count(*, z: Shape, mu: Shape) -> int:
        pairs: int = torch.Size(z[:-1]).numel() * mu[-2]
        return pairs * (of_term * z[-1] + _PAIR)

    return count


def _grids(*, z: Shape, mu: Shape) -> int:
    return torch.Size(z).numel() * _QUERY_ON_GRID + torch.Size(mu).numel() * _POSTERIOR_ON_GRID


_FORMULAS = {
    # op: (where z stands among its arguments, with mu after it, the count)
    "minibatch_log_density": (0, _pairs(_BOTH)),
    "minibatch_log_density_backward": (2, _pairs(_BOTH_BACKWARD)),
    "joint_log_density": (0, _pairs(_JOINT)),
    "joint_log_density_backward": (1, _pairs(_JOINT_BACKWARD)),
    "gridded_marginals": (0, _grids),
    "gridded_marginals_backward": (1, _grids),
}


def _affine(x: Shape, weight: Shape, *_: Any, **__: Any) -> int:
    product: int = 2 * torch.Size(x).numel() * weight[-1]
    return product


def _affine_backward(grad_y: Shape, x: Shape | None, weight: Shape | None, *_: Any, **__: Any) -> int:
    # Each product asks for the other's factor; the sums of the bias's gradient are not counted, as torch counts none.
    inputs = [shape[axis] for shape, axis in ((x, -1), (weight, -2)) if shape is not None]
    products: int = 2 * torch.Size(grad_y).numel() * sum(inputs)
    return products


def register() -> None:
    """Adds them to torch's table of formulas, which a counter copies when it is made."""
    log = logging.getLogger("torch.utils.flop_counter")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of a missing triton when imported, which is no business of the ops
    from torch.utils.flop_counter import register_flop_formula

    log.setLevel(level)
    for name, (first, count) in _FORMULAS.items():
        register_flop_formula(getattr(torch.ops.pyvae, name))(_formula(first, count))
    register_flop_formula(torch.ops.pyvae.stacked_affine)(_affine)
    register_flop_formula(torch.ops.pyvae.stacked_affine_backward)(_affine_backward)


def _formula(first: int, count: Callable[..., int]) -> Callable[..., int]:
    def formula(*shapes: Any, **_: Any) -> int:
        return count(z=shapes[first], mu=shapes[first + 1])

    return formula
