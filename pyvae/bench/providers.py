"""Who is measured: pyvae, the copied formulation eager and under torch.compile, pykeops, and a plain copy."""

from collections.abc import Callable

import torch
from torch import Tensor

import pyvae
from pyvae.bench import copied, keops
from pyvae.bench.cases import DENSITIES, GRIDDED, MOMENTS, Case, inputs
from pyvae.ops.minibatch_log_density import Method

OURS, EAGER, COMPILED, KEOPS, COPY = "pyvae", "eager", "torch.compile", "pykeops", "copy"
EXACT = "pyvae, exact"
ORDER = (OURS, EXACT, EAGER, COMPILED, KEOPS, COPY)

DATASET_SIZE = 737_280
"""Images of dSprites; it adds a constant to the result and no work."""

Outputs = tuple[Tensor, ...]
Function = Callable[..., Tensor | Outputs]
Evaluation = Callable[[], Outputs]


def available(case: Case) -> list[str]:
    """The providers of a case on this installation, pyvae first."""
    if case.op == GRIDDED:
        return [OURS, EXACT, COMPILED]
    if case.op not in DENSITIES:
        return [OURS, EAGER, COMPILED, COPY] if not case.backward else [OURS, EAGER, COMPILED]
    return [OURS, EAGER, COMPILED] + ([KEOPS] if keops.is_installed() else [])


def evaluation(provider: str, case: Case, device: str = "cpu") -> Evaluation:
    """A call without arguments that evaluates the case once on inputs made here, the same for every provider.

    Returns the op's outputs without a graph, followed by the gradients of the inputs where the case asks for them.
    """
    tensors = inputs(case, device)
    if provider == COPY:
        return _copy(tensors)
    function = _function(provider, case.op)
    if provider == COMPILED:
        torch._dynamo.reset()  # sizes are compiled for, not generalised over: nothing may be left of the last case
        function = torch.compile(function, dynamic=False)
    return _forward_backward(function, tensors) if case.backward else _forward(function, tensors)


def density_terms(
    provider: str, method: Method = "exact"
) -> Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]:
    """(z, mu, logvar, dataset_size) -> (log q(z), log prod_d q(z_d)) of a provider, not compiled yet."""
    ours = {OURS: _our_density(method), EXACT: _our_density("exact")}
    return {**ours, KEOPS: keops.density}.get(provider, copied.density)


def _function(provider: str, op: str) -> Function:
    if op in DENSITIES:
        terms = density_terms(provider, "gridded" if op == GRIDDED else "exact")

        def total_correlation(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
            log_qz, log_prod_qz = terms(z, mu, logvar, DATASET_SIZE)
            return (log_qz - log_prod_qz).mean()

        return total_correlation
    if op == MOMENTS and provider == OURS:
        return lambda moments: tuple(pyvae.Posterior.from_moments(moments, clamp=(-30.0, 20.0)).sample_with_kl())
    function: Function = getattr(pyvae if provider == OURS else copied, op)
    return function


def _our_density(method: Method) -> Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]:
    def terms(z: Tensor, mu: Tensor, logvar: Tensor, dataset_size: int) -> tuple[Tensor, Tensor]:
        # Equal weights, as in the copied formulation, so that every provider computes the same number.
        density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=dataset_size, estimator="mws", method=method)
        return density.joint, density.marginals.sum(-1)

    return terms


def _tuple(outputs: Tensor | Outputs) -> Outputs:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def _forward(function: Function, tensors: list[Tensor]) -> Evaluation:
    def evaluate() -> Outputs:
        with torch.no_grad():
            return _tuple(function(*tensors))

    return evaluate


def _forward_backward(function: Function, tensors: list[Tensor]) -> Evaluation:
    cotangents: list[Tensor] = []  # made once: in a model they come from the layers behind

    def evaluate() -> Outputs:
        outputs = _tuple(function(*tensors))
        if not cotangents:
            device = tensors[0].device
            generator = torch.Generator(device).manual_seed(1)
            cotangents.extend(
                torch.randn(out.shape, generator=generator, device=device).to(out.dtype)
                if out.dim()
                else torch.ones_like(out)
                for out in outputs
            )
        grads = torch.autograd.grad(outputs, tensors, cotangents)
        return (*(out.detach() for out in outputs), *grads)

    return evaluate


def _copy(tensors: list[Tensor]) -> Evaluation:
    source = torch.cat([tensor.detach().flatten() for tensor in tensors])
    target = torch.empty_like(source)

    def evaluate() -> Outputs:
        return (target.copy_(source),)

    return evaluate
