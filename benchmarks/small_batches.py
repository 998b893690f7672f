"""Small batches, where a call costs more than its arithmetic, forward and backward beside eager torch and its compiler.

    python benchmarks/small_batches.py            # small_batches.json into the results of this machine, two minutes

One thread; the providers in turn, twenty calls at a time; medians of the times and of the ratios of each turn.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import pyvae
from benchmarks.script import begin, parser_of

SIZES = ((64, 10), (256, 10), (128, 32))
CALLS, TURNS = 20, 60
DATASET_SIZE = 10_000
Call = Callable[..., Sequence[Tensor]]


def plain_sample(mu: Tensor, logvar: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


def plain_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(-1)


def plain_decomposition(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
    """What is copied, without its bug: minibatch-weighted sampling over an M x M x D tensor."""

    def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return -0.5 * ((z - mu).square() * torch.exp(-logvar) + logvar + math.log(2 * math.pi))

    pairs = log_normal(z.unsqueeze(1), mu.unsqueeze(0), logvar.unsqueeze(0))
    weight = math.log(len(z) * DATASET_SIZE)
    joint = pairs.sum(-1).logsumexp(1) - weight
    product = (pairs.logsumexp(1) - weight).sum(-1)
    given_x = log_normal(z, mu, logvar).sum(-1)
    prior = log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(-1)
    return given_x - joint, joint - product, product - prior


OPS: dict[str, tuple[Call, Call]] = {
    "reparameterize": (
        lambda z, mu, logvar: (pyvae.reparameterize(mu, logvar, seed=1),),
        lambda z, mu, logvar: (plain_sample(mu, logvar),),
    ),
    "gaussian_kl": (
        lambda z, mu, logvar: (pyvae.gaussian_kl(mu, logvar),),
        lambda z, mu, logvar: (plain_kl(mu, logvar),),
    ),
    "reparameterize_with_kl": (
        lambda z, mu, logvar: pyvae.reparameterize_with_kl(mu, logvar, seed=1),
        lambda z, mu, logvar: (plain_sample(mu, logvar), plain_kl(mu, logvar)),
    ),
    "kl_decomposition": (
        lambda z, mu, logvar: pyvae.kl_decomposition(z, mu, logvar, dataset_size=DATASET_SIZE, estimator="mws"),
        plain_decomposition,
    ),
}


def microseconds(call: Call, inputs: list[Tensor]) -> float:
    """Of a forward and backward pass."""
    start = time.perf_counter()
    for _ in range(CALLS):
        outputs = call(*inputs)
        torch.autograd.backward([output.sum() for output in outputs])
        for tensor in inputs:
            tensor.grad = None
    return (time.perf_counter() - start) / CALLS * 1e6


def measure(op: str, rows: int, latents: int) -> dict[str, object]:
    torch.compiler.reset()
    inputs = [torch.randn(rows, latents).requires_grad_() for _ in range(3)]
    ours, plain = OPS[op]
    providers = {"pyvae": ours, "eager torch": plain, "torch.compile": torch.compile(plain, dynamic=False)}
    times: dict[str, list[float]] = {name: [] for name in providers}
    for turn in range(TURNS + 2):
        for name, call in providers.items():
            taken = microseconds(call, inputs)
            if turn >= 2:  # the first compile and warm up
                times[name].append(taken)
    ratios = {
        f"over {name}": statistics.median(a / b for a, b in zip(times["pyvae"], times[name], strict=True))
        for name in list(providers)[1:]
    }
    return {
        "op": op,
        "rows": rows,
        "latents": latents,
        "microseconds": {name: statistics.median(taken) for name, taken in times.items()},
        **ratios,
    }


def main() -> None:
    script = begin(parser_of(__doc__, "small_batches.json").parse_args(), threads=1)
    rows = []
    for op in OPS:
        for size in SIZES:
            row = measure(op, *size)
            rows.append(row)
            shares = ", ".join(f"{name} {value:.2f}" for name, value in row.items() if name.startswith("over"))
            print(f"{op:24s} {size[0]:4d} x {size[1]:<3d} {row['microseconds']['pyvae']:7.1f} us, {shares}", flush=True)
    script.save("small_batches.json", {"rows": rows})


if __name__ == "__main__":
    main()
