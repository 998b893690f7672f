"""Whole training steps of a beta-TCVAE (tcvae.py), with the loss by each provider.

    python benchmarks/train/bench_tcvae.py
    python benchmarks/train/bench_tcvae.py --batches 64 512 --out runs/bench

"Loss" is the decomposed KL term, forward and backward, at the same sizes alone; the reconstruction is the same for all.
Providers take turns; medians.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.train.tcvae import LATENTS, loss_alone, training_step
from pyvae.bench.cases import BACKWARD, DENSITY, Case
from pyvae.bench.ceilings import measure_ceilings
from pyvae.bench.contest import Contest
from pyvae.bench.engine import Effort, Engine
from pyvae.bench.machine import busy_warning, machine_facts
from pyvae.bench.providers import ORDER, OURS
from pyvae.bench.report import print_report
from pyvae.bench.results import Results, Row, TrainingRow, open_results
from pyvae.bench.run import write_report

BATCHES = (64, 512, 2048, 8192)
EFFORT = Effort(budget_seconds=20.0, most_rounds=30)


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
