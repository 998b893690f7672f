"""Times calls for cost.py, which starts it: for each line on standard input one round, and the seconds of a call on
standard output. Its provider "exact" runs in commit 48d180e, too.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import pyvae

ROUND_SECONDS = 0.3


def inputs(settings: dict[str, Any]) -> tuple[Tensor, ...]:
    """Posteriors [N, D] whose aggregate has about the prior's variance, an index [M], and the noise of its samples."""
    generator = torch.Generator().manual_seed(0)
    sigma, size = torch.tensor(settings["sigma"]), settings["size"]
    mu = torch.randn(size, len(sigma), generator=generator) * (1 - sigma**2).clamp_min(0).sqrt()
    index = torch.randperm(size, generator=generator)[: settings["rows"]]
    noise = torch.randn(len(index), len(sigma), generator=generator)
    return mu, (2 * sigma.log()).expand(size, -1).contiguous(), index, noise


def call_of(settings: dict[str, Any]) -> Callable[[], None]:
    """One forward and backward of the total correlation's mean."""
    mu, logvar, index, noise = inputs(settings)
    z = mu[index] + torch.exp(0.5 * logvar[index]) * noise
    if settings["provider"] == "exact":
        leaves = [t.requires_grad_() for t in (z, mu, logvar)]
        density = lambda: pyvae.minibatch_log_density(*leaves, estimator="full", method="exact")  # noqa: E731
    else:
        leaves = [t.requires_grad_() for t in (z, mu[index], logvar[index])]
        bank = pyvae.PosteriorBank(len(mu), mu.shape[1])
        bank.update(torch.arange(len(mu)), mu, logvar)
        density = lambda: bank.log_density(*leaves, index)  # noqa: E731

    def call() -> None:
        joint, marginals = density()
        torch.autograd.grad((joint - marginals.sum(-1)).mean(), leaves)

    return call


def main() -> None:
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    call = call_of(settings)
    call()
    start = time.perf_counter()
    call()
    calls = max(1, round(ROUND_SECONDS / (time.perf_counter() - start)))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        print((time.perf_counter() - start) / calls, flush=True)


if __name__ == "__main__":
    main()
