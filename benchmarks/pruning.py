"""joint_log_density with and without pruning: trained and untrained posteriors, forward and backward, one thread.

    python benchmarks/pruning.py                 # into the results of this machine, about five minutes
    python benchmarks/pruning.py --out DIR

Without pruning: a call for 255 queries, for which no columns are ordered; its time is scaled to as many queries as the
other has. The two are timed in turn in one run; medians. With as many queries as posteriors, and with few. The share of
(row, tile) pairs that the bound leaves is counted here, in plain torch, over 256 rows: that of the forward. Writes
pruning.json.
"""

import math
import statistics
import time

import torch
from torch import Tensor, nn

import pyvae
from benchmarks.script import begin, parser_of
from pyvae.bench.report import duration
from pyvae.data.block_grid import BlockGrid
from pyvae.losses import BetaTCVAE, gaussian_reconstruction
from pyvae.ops.joint_log_density import joint_log_density

SIZES = (1024, 4096, 16384, 65536)
LATENTS, DATASET_SIZE, FULL = 10, 737_280, 0
# Informative latents of a typical sigma; the others are collapsed.
SYNTHETIC = {
    "untrained, sigma 0.37": (10, 0.37),
    "9 informative, sigma 0.28": (9, 0.28),
    "9 informative, sigma 0.1": (9, 0.1),
    "5 informative, sigma 0.1": (5, 0.1),
    "5 informative, sigma 0.03": (5, 0.03),
}
TRAINED = "a beta-TCVAE after 1200 steps"
FEW_ROWS = 255
SIZES_OF_FEW, FEW = (16384, 65536), (1024, 4096)
# As in csrc/kernels: columns of a tile, bits of a row's total that may be skipped.
TILE, SKIPPED_BITS = 64, 22

# --- Posteriors -------------------------------------------------------------------------------------------------------


def synthetic(regime: str, rows: int) -> list[Tensor]:
    """z, mu, logvar; sigmas vary by a tenth, and collapsed means are nearly 0."""
    informative, sigma = SYNTHETIC[regime]
    narrow = torch.arange(LATENTS) < informative
    mu = torch.randn(rows, LATENTS) * torch.where(narrow, 1.0, 0.02)
    logvar = 2 * (torch.where(narrow, sigma, 1.0).log() + 0.1 * torch.randn(rows, LATENTS))
    return [pyvae.reparameterize(mu, logvar), mu, logvar]


def mlp(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, outputs))


class Trained:
    """A beta-TCVAE (beta = 6) on the images of the biased-grid study at mu = 0."""

    def __init__(self, steps: int = 1200, batch_size: int = 256, variance: float = 0.25) -> None:
        self.grid = BlockGrid(noise_variance=variance)
        objective = BetaTCVAE(DATASET_SIZE, beta=6.0)
        self.encoder, decoder = mlp(self.grid.size, 2 * LATENTS), mlp(LATENTS, self.grid.size)
        optimiser = torch.optim.Adam([*self.encoder.parameters(), *decoder.parameters()], 1e-3)
        for step in range(steps):
            images = self.images(batch_size, step)
            mu, logvar = self.encoder(images).chunk(2, -1)
            z = pyvae.reparameterize(mu, logvar)
            error = gaussian_reconstruction(images, decoder(z), variance)
            loss = objective(error, z, mu, logvar).loss.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def images(self, count: int, seed: int) -> Tensor:
        seeds = {"factors": torch.tensor([2 * seed]), "pixels": torch.tensor([2 * seed + 1])}
        return self.grid.draw(count, seeds).images[0]

    @torch.no_grad()
    def posteriors(self, rows: int) -> list[Tensor]:
        mu, logvar = (t.contiguous() for t in self.encoder(self.images(rows, 1_000_000)).chunk(2, -1))
        return [pyvae.reparameterize(mu, logvar), mu, logvar]


# --- The share of work left -------------------------------------------------------------------------------------------


def tiles(mu: Tensor, scale: Tensor, columns: Tensor) -> list[Tensor]:
    """The columns by tile, halved again and again where they are spread the most."""
    if len(columns) <= TILE:
        return [columns]
    d = ((mu[columns].amax(0) - mu[columns].amin(0)) * scale).argmax()
    ordered = columns[mu[columns, d].argsort(stable=True)]
    half = -(-len(columns) // TILE) // 2 * TILE
    return [*tiles(mu, scale, ordered[:half]), *tiles(mu, scale, ordered[half:])]


def share_left(z: Tensor, mu: Tensor, logvar: Tensor, samples: int = 256) -> float:
    """Of the (row, tile) pairs: those whose bound is within reach of the row's own exponent."""
    scale, constant = torch.exp(-0.5 * logvar), -0.5 * logvar.sum(-1)
    parts = tiles(mu, scale.mean(0), torch.arange(len(mu)))
    low, high = (torch.stack([bound(mu[p], 0) for p in parts]) for bound in (torch.amin, torch.amax))
    narrow = torch.stack([scale[p].amin(0) for p in parts])
    top = torch.stack([constant[p].max() for p in parts])
    rows = torch.arange(samples) * len(z) // samples
    own = constant[rows] - 0.5 * ((z[rows] - mu[rows]) * scale[rows]).square().sum(-1)
    gap = torch.maximum(low - z[rows, None], z[rows, None] - high).clamp_min(0) * narrow
    cut = math.log(2) * (SKIPPED_BITS + math.ceil(math.log2(len(mu) + 1)))
    return float((top - 0.5 * gap.square().sum(-1) >= own[:, None] - cut).float().mean())


# --- Times ------------------------------------------------------------------------------------------------------------


def seconds(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[float, float]:
    """Of the forward, and of forward and backward."""
    leaves = [t.clone().requires_grad_() for t in (z, mu, logvar)]
    start = time.perf_counter()
    joint = joint_log_density(*leaves, DATASET_SIZE, FULL)
    forward = time.perf_counter() - start
    torch.autograd.grad(joint, leaves, torch.ones_like(joint))
    return forward, time.perf_counter() - start


def measure(regime: str, inputs: list[Tensor], rows: int) -> dict[str, float | str]:
    z, mu, logvar = inputs[0][:rows], *inputs[1:]
    few = z[:FEW_ROWS]
    first = seconds(z, mu, logvar)[1]
    rounds = 3 if first > 1 else min(200, int(3 / first))
    turns = [(seconds(z, mu, logvar), seconds(few, mu, logvar)) for _ in range(rounds)]
    result: dict[str, float | str] = {"regime": regime, "Q": rows, "M": len(mu), "D": LATENTS, "rounds": rounds}
    for k, part in enumerate(("forward", "forward + backward")):
        pruned = statistics.median(a[k] for a, _ in turns)
        whole = statistics.median(b[k] for _, b in turns) * rows / FEW_ROWS
        result |= {part: pruned, f"{part}, not pruned": whole, f"{part}, ratio": whole / pruned}
    return result | {"share left": share_left(z, mu, logvar)}


def main() -> None:
    script = begin(parser_of(__doc__, "pruning.json").parse_args(), threads=1)
    torch.manual_seed(0)
    trained, rows = Trained(), []
    for regime in (*SYNTHETIC, TRAINED):
        for size in SIZES:
            inputs = trained.posteriors(size) if regime == TRAINED else synthetic(regime, size)
            for queries in (size, *(FEW if size in SIZES_OF_FEW else ())):
                row = measure(regime, inputs, queries)
                rows.append(row)
                times = "; ".join(
                    f"{part} {duration(row[f'{part}, not pruned'])} -> {duration(row[part])}, "
                    f"{row[f'{part}, ratio']:.2f}x"
                    for part in ("forward", "forward + backward")
                )
                print(f"{regime}, {queries} x {size}: {row['share left']:.3f} left; {times}", flush=True)
    script.save("pruning.json", {"seconds, one thread": rows})


if __name__ == "__main__":
    main()
