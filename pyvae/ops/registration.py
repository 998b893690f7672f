"""What every op registers with torch in the same way."""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree

Result = TypeVar("Result", bound=type[tuple[Any, ...]])


def exportable(result: Result) -> Result:
    """Lets torch.export save a program that returns this NamedTuple; a class decorator.

    Its serialised name is the class's public one, `pyvae.losses.BetaVAETerms`: who loads the program imports pyvae.
    """
    room = ".".join(result.__module__.split(".")[:2])
    # torch's one way for NamedTuples; its public register_pytree_node asks for the four functions that this has.
    _pytree._register_namedtuple(result, serialized_type_name=f"{room}.{result.__name__}")
    return result


def wanted(ctx: Any, grads: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of the op's tensors, None where autograd asks for none."""
    return [grad if needed else None for grad, needed in zip(grads, ctx.needs_input_grad, strict=False)]


def asks_rows_only(z: Tensor, mu: Tensor, logvar: Tensor) -> bool:
    """Whether a forward should leave scores, derivatives in z: where no other gradient will be asked for, they are all
    that a backward needs. A hint, which no result depends on; there are scores on the CPU only.
    """
    others = mu.requires_grad or logvar.requires_grad
    return torch.is_grad_enabled() and z.requires_grad and not others and z.device.type == "cpu"


def scores_serve(ctx: Any) -> bool:
    """Whether a backward whose forward left scores can do with them: no gradient but z's, which comes first."""
    return not any(ctx.needs_input_grad[1:])


def empty_scores(z: Tensor, scores: bool) -> Tensor:
    """Of z's shape; of none of its rows where no scores are wanted, with the leading axes that vmap counts on."""
    return z.new_empty(z.shape if scores else (*z.shape[:-2], 0, z.shape[-1]))


def times_score(grad: Tensor, score: Tensor) -> Tensor:
    """The part of a cotangent in z's gradient; a cotangent of 0 asks for nothing, not even of an infinite score."""
    return torch.where(grad == 0, 0.0, grad * score)


def vmap_over_leading_axes(*names: str) -> None:
    """Registers the vmap rule of ops whose tensors all carry the same leading axes: one more such axis."""
    for name in names:
        op = getattr(torch.ops.pyvae, name).default
        torch.library.register_vmap(f"pyvae::{name}", _LeadingAxisRule(op))


class _LeadingAxisRule:
    def __init__(self, op: Any) -> None:
        self.op = op

    def __call__(self, info: Any, in_dims: Sequence[int | None], *inputs: Any) -> tuple[Any, Any]:
        outputs = self.op(*stacked(info, in_dims, inputs))
        return outputs, 0 if isinstance(outputs, Tensor) else tuple(0 for _ in outputs)


def stacked(info: Any, in_dims: Sequence[int | None], inputs: Sequence[Any]) -> list[Any]:
    """A vmapped op's inputs, the tensors with vmap's axis before all others, repeated where they have none."""
    return [_stack(info.batch_size, dim, value) for dim, value in zip(in_dims, inputs, strict=True)]


def _stack(batch_size: int, dim: int | None, value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.expand(batch_size, *value.shape) if dim is None else value.movedim(dim, 0)
