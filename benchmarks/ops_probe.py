"""Times calls for ops_beside.py, which starts it: for each line on standard input one round, and the seconds of a call
on standard output. It runs in this build of pyvae and in commit 48d180e.
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


def call_of(settings: dict[str, Any]) -> Callable[[], None]:
    """One forward + backward of a loss of a tensor's worth of rows."""
    queries, posteriors, latents = (settings[name] for name in ("queries", "posteriors", "latents"))
    generator = torch.Generator().manual_seed(0)
    mu, spread = (torch.randn(posteriors, latents, generator=generator) for _ in range(2))
    logvar = 2 * (torch.tensor(settings["sigma"]).log() + 0.1 * spread)
    z = mu[:queries] + settings["sigma"] * torch.randn(queries, latents, generator=generator)
    tensors = [t.requires_grad_(k < settings["leaves"]) for k, t in enumerate((z, mu, logvar))]
    leaves = tensors[: settings["leaves"]]

    def density() -> Tensor:
        joint, marginals = pyvae.minibatch_log_density(*tensors, estimator="full")
        return joint - marginals.sum(-1)

    def decomposition() -> Tensor:
        information, correlation, dimwise = pyvae.kl_decomposition(*tensors, dataset_size=10_000)
        return information + 6 * correlation + dimwise

    loss = {"density": density, "decomposition": decomposition}[settings["op"]]
    cotangent = torch.full((queries,), 1 / queries)
    return lambda: torch.autograd.grad(loss(), leaves, cotangent) and None


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
