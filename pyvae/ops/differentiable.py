"""Ops with their gradients, called by the shortest way that serves.

An ordinary eager call takes one autograd.Function that goes straight to the kernel: what register_autograd of
torch.library writes in Python costs more than a kernel of a few hundred numbers. torch.func needs a Function with
setup_context, and has one of its own. Everything else (torch.compile, fake tensors, dispatch modes, profilers,
subclasses, devices without kernels) goes through the op as it is registered. All three run the same kernels on the
same numbers.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch._C._functorch as functorch
from torch import Tensor

from pyvae.ops.arguments import PLAIN

_CPU, _CUDA = (torch._C.DispatchKeySet(key) for key in (torch._C.DispatchKey.CPU, torch._C.DispatchKey.CUDA))

SetupContext = Callable[[Any, tuple[Any, ...], Any], None]
Backward = Callable[..., tuple[Tensor | None, ...]]


class Differentiable:
    """The op `pyvae::<name>` with its gradient; called with the op's arguments.

    Args:
        setup_context: keeps in ctx what the backward needs, as torch.library.register_autograd's.
        backward: the gradients of all arguments, from ctx and the outputs' gradients.
    """

    def __init__(self, name: str, setup_context: SetupContext, backward: Backward) -> None:
        self.op = getattr(torch.ops.pyvae, name).default
        torch.library.register_autograd(f"pyvae::{name}", backward, setup_context=setup_context)
        self._eager = _eager_function(name, self.op, setup_context, backward)
        self._functional = _functional_function(name, self.op, setup_context, backward)

    def __call__(self, *arguments: Any) -> Any:
        if torch.compiler.is_compiling():
            return self.op(*arguments)
        if functorch.peek_interpreter_stack() is not None:
            return self._functional.apply(*arguments)
        kernels = _kernels(*arguments)
        if kernels is None:
            return self.op(*arguments)
        if torch.is_grad_enabled():
            return self._eager.apply(*arguments)
        return self.op.redispatch(kernels, *arguments)


def gradient_of(name: str) -> Differentiable:
    """The op `pyvae::<name>_backward`, which has no derivative and says so in one sentence."""

    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        raise _no_second_derivative(name)

    return Differentiable(f"{name}_backward", lambda ctx, inputs, output: None, backward)


def final(name: str, gradient: Tensor, *of: Tensor) -> Tensor:
    """A gradient that a backward of the op `name` made in plain torch of these tensors and of what it had saved: who
    differentiates it again is told that there is no second derivative.
    """
    if not torch.is_grad_enabled():
        return gradient
    value: Tensor = _Final.apply(gradient, name, *of)
    return value


class _Final(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, name: str, *of: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.name = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        raise _no_second_derivative(ctx.name)


def _no_second_derivative(name: str) -> RuntimeError:
    return RuntimeError(
        f"pyvae.{name} has no second derivative; use the plain-torch pyvae.ops.reference where one is needed."
    )


def _kernels(*arguments: Any) -> torch._C.DispatchKeySet | None:
    """Where a call's kernel is; None where a mode, a tracer, a profiler, a subclass or another device is between."""
    if torch._C._len_torch_dispatch_stack() > 0 or torch._C._get_tracing_state() is not None:
        return None
    if torch._C._autograd._profiler_enabled():
        return None
    for argument in arguments:
        if type(argument) not in PLAIN and isinstance(argument, Tensor):
            return None
    first = arguments[0]
    return _CPU if first.is_cpu else _CUDA if first.is_cuda else None


def _eager_function(name: str, op: Any, setup_context: SetupContext, backward: Backward) -> Any:
    def forward(ctx: Any, *arguments: Any) -> Any:
        outputs = op.redispatch(_CPU if arguments[0].is_cpu else _CUDA, *arguments)
        setup_context(ctx, arguments, outputs)
        return outputs

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (torch.autograd.Function,), members)


def _functional_function(name: str, op: Any, setup_context: SetupContext, backward: Backward) -> Any:
    def forward(*arguments: Any) -> Any:
        return op(*arguments)

    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(
            f"pyvae.{name} must not be differentiated forwards (torch.func.jvp, jacfwd, hessian): pyvae's ops have "
            "reverse mode only."
        )

    members = {
        "forward": staticmethod(forward),
        "jvp": staticmethod(jvp),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
        "generate_vmap_rule": True,
    }
    return type(name, (torch.autograd.Function,), members)
