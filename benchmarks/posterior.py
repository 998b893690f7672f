"""`Posterior.sample_with_kl`, forward and backward, beside the plain formulations of it.

    python -m benchmarks.posterior                # posterior.json into the results of this machine, a minute

Moments as encoders give them, in their dtypes; every provider starts from the same cotangents of z and the KL and ends
with the gradient of the moments. Plain is what image autoencoders write, in the moments' dtype; widened is the same in
float32, which half types need for a KL that is right. The providers in turn, a few calls at a time; medians of the
times, and of the ratios of each turn. Shares are of what the threads reach at best, measured in between: of torch's
copy of 256 MiB, by the bytes of every tensor touched once in each pass, and of multiply-adds in registers, by what the
formulas of csrc/math take for each latent.
"""

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.script import begin, parser_of
from pyvae import Posterior
from pyvae.bench.ceilings import copy_bytes_per_second
from pyvae.ops.ceilings import multiply_adds_per_second

CLAMP = (-30.0, 20.0)
OPERATIONS = 64 + 66
"""Of a latent, forward and backward, a multiply-add counted as one and the integers of the noise not at all."""
SECONDS = 0.01
"""Of one provider's turn, about."""
CEILING_SECONDS = 0.02

Step = Callable[[], object]
Moments = Sequence[Tensor]


class Case(NamedTuple):
    """Moments [B, 2C, …] packed on axis 1, or, of two axes, two heads [M, D]; a spread for each mean, or for all."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    threads: int = 2
    spread_channels: int | None = None

    @property
    def two_heads(self) -> bool:
        return len(self.shape) == 2

    @property
    def means(self) -> tuple[int, ...]:
        """The shape of z."""
        if self.two_heads:
            return self.shape
        batch, channels, *rest = self.shape
        return batch, channels - (self.spread_channels or channels // 2), *rest

    def moments(self) -> list[Tensor]:
        count = 2 if self.two_heads else 1
        return [torch.randn(self.shape).to(self.dtype).requires_grad_() for _ in range(count)]

    def heads(self, moments: Moments) -> Sequence[Tensor]:
        """Mean and spread."""
        if self.two_heads:
            return moments
        means = self.means[1]
        return moments[0].split([means, self.shape[1] - means], 1)


CASES = (
    Case("image", (8, 32, 64, 64), torch.bfloat16),
    Case("image", (8, 32, 64, 64), torch.float16),
    Case("image", (8, 32, 64, 64), torch.float32),
    Case("one image", (1, 8, 128, 128), torch.bfloat16),
    Case("video", (1, 32, 9, 32, 32), torch.bfloat16),
    Case("video, one spread", (1, 129, 9, 16, 16), torch.bfloat16, spread_channels=1),
    Case("two heads", (2048, 128), torch.bfloat16),
    Case("two heads", (2048, 128), torch.float32),
    Case("two heads", (64, 10), torch.float32, threads=1),
)


def plain(case: Case, moments: Moments) -> tuple[Tensor, Tensor]:
    mean, logvar = case.heads(moments)
    logvar = logvar.clamp(*CLAMP)
    z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    return z, 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(tuple(range(1, mean.dim())))


def widened(case: Case, moments: Moments) -> tuple[Tensor, Tensor]:
    z, kl = plain(case, [head.float() for head in moments])
    return z.to(case.dtype), kl


def ours(case: Case, moments: Moments) -> tuple[Tensor, Tensor]:
    if case.two_heads:
        return Posterior(*moments, clamp=CLAMP).sample_with_kl()
    return Posterior.from_moments(moments[0], spread_channels=case.spread_channels, clamp=CLAMP).sample_with_kl()


def steps_of(case: Case) -> dict[str, Step]:
    """Of every provider, a step from moments to their gradients."""
    moments = case.moments()
    grad_z, grad_kl = torch.randn(case.means).to(case.dtype), torch.rand(case.means[0])

    def step(provider: Callable[[Case, Moments], tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
        z, kl = provider(case, moments)
        return torch.autograd.grad((z, kl), moments, (grad_z, grad_kl.to(kl.dtype)))

    providers: dict[str, Any] = {"pyvae": ours, "plain": plain}
    if case.dtype != torch.float32:
        providers["widened"] = widened
    providers["torch.compile"] = torch.compile(plain, dynamic=False)
    return {name: functools.partial(step, provider) for name, provider in providers.items()}


def seconds(step: Step, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def bytes_of(case: Case) -> int:
    """Read or written at least: moments twice, and their gradient, z and its cotangent once."""
    of_moments = math.prod(case.shape) * (2 if case.two_heads else 1)
    return (3 * of_moments + 2 * math.prod(case.means)) * case.dtype.itemsize


def measure(case: Case, turns: int) -> dict[str, object]:
    torch.set_num_threads(case.threads)
    torch.compiler.reset()
    steps = steps_of(case)
    counts = {name: max(1, round(SECONDS / min(seconds(step, 1) for _ in range(4)))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    multiply_adds, copied = [], []
    for _ in range(turns):
        multiply_adds.append(multiply_adds_per_second(CEILING_SECONDS))
        copied.append(copy_bytes_per_second())
        for name, step in steps.items():
            times[name].append(seconds(step, counts[name]))
    own = times["pyvae"]
    least = statistics.median(own)
    return {
        **case._asdict(),
        "dtype": str(case.dtype).removeprefix("torch."),
        "milliseconds": {name: statistics.median(taken) * 1e3 for name, taken in times.items()},
        "times as fast as": {
            name: statistics.median(b / a for a, b in zip(own, taken, strict=True))
            for name, taken in times.items()
            if name != "pyvae"
        },
        "share of copy": bytes_of(case) / least / max(copied),
        "share of multiply-adds": OPERATIONS * math.prod(case.means) / least / max(multiply_adds),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What docs/posteriors.md shows of them."""
    lines = [
        "| moments | dtype | ms | × plain | × widened | × torch.compile | of copy | of multiply-adds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratios = [row["times as fast as"].get(name) for name in ("plain", "widened", "torch.compile")]
        cells = [
            f"{row['name']}, {row['shape']}" + (" on one thread" if row["threads"] == 1 else ""),
            row["dtype"],
            f"{row['milliseconds']['pyvae']:.2f}",
            *("" if ratio is None else f"{ratio:.1f}" for ratio in ratios),
            *(f"{100 * row[f'share of {ceiling}']:.0f} %" for ceiling in ("copy", "multiply-adds")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = parser_of(__doc__, "posterior.json")
    parser.add_argument("--turns", type=int, default=40)
    arguments = parser.parse_args()
    script = begin(arguments, threads=2)
    rows = []
    for case in CASES:
        row = measure(case, arguments.turns)
        rows.append(row)
        ratios = ", ".join(f"{name} {value:.2f}" for name, value in row["times as fast as"].items())
        print(
            f"{case.name:18s} {list(case.shape)!s:22s} {row['dtype']:8s} {row['milliseconds']['pyvae']:7.3f} ms; "
            f"as fast as {ratios}; copy {row['share of copy']:.0%}, FMA {row['share of multiply-adds']:.0%}",
            flush=True,
        )
    script.save("posterior.json", {"clamp": CLAMP, "turns": arguments.turns, "rows": rows})


if __name__ == "__main__":
    main()
