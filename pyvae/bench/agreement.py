"""Whether providers computed the same thing: a row whose providers disagree is not reported."""

import torch
from torch import Tensor

from pyvae.bench.cases import MOMENTS, REPARAMETERIZE, SAMPLE_WITH_KL, Case, inputs
from pyvae.bench.providers import Outputs

TOLERANCE = 1e-3
"""Relative norm of a difference: float32 through sums over thousands of exponentials, on both sides."""

STANDARD_ERRORS = 6.0
"""Moments of the noise may be this many standard errors off; by chance that happens once in 10^9."""

_RANDOM = {REPARAMETERIZE: (0, 2), SAMPLE_WITH_KL: (0, 3), MOMENTS: (0, 2)}
"""Where the outputs of an op depend on its noise: the sample, first, and the gradient of logvar or of the moments."""


def disagreement(case: Case, ours: Outputs, theirs: Outputs) -> str | None:
    """What differs between two providers' outputs and gradients beyond rounding; None if nothing does.

    Samples are compared by the first two moments of their noise; the gradient of logvar, a function of the noise, by
    the moments alone that the sample has.
    """
    if len(ours) != len(theirs):
        return f"gives {len(theirs)} tensors instead of {len(ours)}"
    random = _RANDOM.get(case.op, ())
    if random and (problem := _noise_problem(case, theirs[0])):
        return problem
    for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if place not in random and not _close(a, b):
            return f"output {place} differs from pyvae's by a relative norm of {_relative_norm(a, b):.1e}"
    return None


def _relative_norm(a: Tensor, b: Tensor) -> float:
    a, b = a.double(), b.double()
    return float((a - b).norm() / a.norm().clamp_min(torch.finfo(torch.float32).tiny))


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and _relative_norm(a, b) <= TOLERANCE  # false for NaN


def _noise_problem(case: Case, z: Tensor) -> str | None:
    tensors = [tensor.detach().double() for tensor in inputs(case, z.device.type)]
    mu, logvar = tensors[0].chunk(2, 1) if case.op == MOMENTS else tensors
    eps = (z.double() - mu) * torch.exp(-0.5 * logvar)
    count = eps.numel()
    mean, variance = float(eps.mean()), float(eps.square().mean())
    if abs(mean) <= STANDARD_ERRORS / count**0.5 and abs(variance - 1) <= STANDARD_ERRORS * (2 / count) ** 0.5:
        return None
    return f"draws noise of mean {mean:.3f} and variance {variance:.3f}"
