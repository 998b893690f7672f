"""Whole training steps of a beta-TCVAE on 64 x 64 binary images, with the loss by each provider.

    python benchmarks/train/bench_tcvae.py
    python benchmarks/train/bench_tcvae.py --batches 64 512 --out runs/bench

Encoder 4096-1200-1200-2D and decoder D-1200-1200-1200-4096, the dSprites networks of Chen et al. 2018 (appendix) and
Kim & Mnih 2018, D = 10, Bernoulli likelihood, Adam. "Loss" is the decomposed KL term, forward and backward, at the
same sizes alone; the reconstruction is the same for all. Providers take turns; medians.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

import pyvae
from pyvae.bench.cases import BACKWARD, DENSITY, Case, inputs
from pyvae.bench.ceilings import measure_ceilings
from pyvae.bench.contest import Contest
from pyvae.bench.engine import Effort, Engine
from pyvae.bench.machine import busy_warning, machine_facts
from pyvae.bench.providers import COMPILED, DATASET_SIZE, ORDER, OURS, Evaluation, density_terms
from pyvae.bench.report import print_report
from pyvae.bench.results import Results, Row, TrainingRow, open_results
from pyvae.bench.run import write_report

PIXELS, HIDDEN, LATENTS, BETA = 64 * 64, 1200, 10, 6.0
BATCHES = (64, 512, 2048, 8192)
EFFORT = Effort(budget_seconds=20.0, most_rounds=30)

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class TCVAE(nn.Module):
    """Encoder and decoder; `forward` gives logits, sample, mean and log-variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, PIXELS),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), z, mu, logvar


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 * torch.exp(-logvar)).sum(1)


def loss_by(provider: str) -> Loss:
    """Mutual information + BETA total correlation + dimension-wise KL, the mean over the minibatch."""
    if provider == OURS:

        def fused(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
            nothing = z.new_zeros(z.shape[0])  # the reconstruction is added outside
            terms = pyvae.losses.beta_tcvae(
                nothing, z, mu, logvar, dataset_size=DATASET_SIZE, beta=BETA, estimator="mws"
            )
            return terms.mean()

        return fused
    density = density_terms(provider)

    def copied(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        log_qz, log_prod_qz = density(z, mu, logvar, DATASET_SIZE)
        zero = torch.zeros_like(z)
        mutual_information = log_normal(z, mu, logvar) - log_qz
        total_correlation, dimwise_kl = log_qz - log_prod_qz, log_prod_qz - log_normal(z, zero, zero)
        return (mutual_information + BETA * total_correlation + dimwise_kl).mean()

    return torch.compile(copied, dynamic=False) if provider == COMPILED else copied


def loss_alone(provider: str, case: Case, device: str = "cpu") -> Evaluation:
    """Evaluates the loss and its gradients on given samples and posteriors."""
    tensors, loss = inputs(case, device), loss_by(provider)

    def evaluate() -> tuple[Tensor, ...]:
        value = loss(*tensors)
        return (value.detach(), *torch.autograd.grad(value, tensors))

    return evaluate


def training_step(provider: str, rows: int, device: str = "cpu", *, capturable: bool = False) -> Evaluation:
    """Takes one step of a model of its own on a fixed batch of random images; `capturable` in a CUDA graph."""
    generator = torch.Generator().manual_seed(rows)
    x = torch.randint(0, 2, (rows, PIXELS), generator=generator).float().to(device)
    torch.manual_seed(0)
    model, loss = TCVAE().to(device), loss_by(provider)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True, capturable=capturable)

    def step() -> tuple[Tensor, ...]:
        logits, z, mu, logvar = model(x)
        total = pyvae.losses.bernoulli_reconstruction(x, logits).mean() + loss(z, mu, logvar)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        return (total.detach(),)

    return step


def measure(engine: Engine, rows: int) -> list[TrainingRow]:
    """A row per provider; those that cannot do this size are left out with a note."""
    alone: Row = engine.measure(Case(DENSITY, rows, LATENTS, BACKWARD))
    missing = [TrainingRow(name, rows, None, None, 0, note) for name, note in alone.notes.items()]
    if alone.disagrees or OURS not in alone.timings:
        return missing
    torch._dynamo.reset()
    contest = Contest({name: training_step(name, rows) for name in alone.timings})
    contest.run(contest.rounds(EFFORT.budget_seconds, EFFORT.most_rounds))
    done = contest.timings()
    steps = [
        TrainingRow(name, rows, done[name].median, alone.timings[name].median, done[name].rounds)
        for name in ORDER
        if name in done
    ]
    return steps + missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="folder whose results.json the rows are added to")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    console = Console()
    if warning := busy_warning():
        console.print(f"warning: {warning}")
    ceilings = measure_ceilings()
    results = open_results(arguments.out, machine_facts(), ceilings, resume=True)
    results.training.clear()
    engine = Engine(ceilings, replace(EFFORT, budget_seconds=3.0), build=loss_alone)
    for rows in arguments.batches:
        with console.status(f"training step, M = {rows}"):
            results.training += measure(engine, rows)
        if arguments.out is not None:
            results.save(arguments.out)
        console.print(f"training step, M = {rows}: done", highlight=False)
    if arguments.out is not None:
        write_report(results, arguments.out)
    print_report(Results(results.machine, ceilings, training=results.training), console)


if __name__ == "__main__":
    main()
