"""Whole training steps of the beta-TCVAE of benchmarks/train, as training.json; pyvae's also as a CUDA graph.

python -m benchmarks.gpu.training --out build/gpu/out
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.gpu.arguments import parse
from benchmarks.gpu.bars import of_training
from benchmarks.train.bench_tcvae import LATENTS, loss_alone, training_step
from pyvae.bench.cases import BACKWARD, DENSITY, Case
from pyvae.bench.contest import Contest, Timing, failure
from pyvae.bench.gpu import EventContest
from pyvae.bench.providers import COMPILED, EAGER, OURS, Evaluation, Outputs
from pyvae.bench.results import TrainingRow
from pyvae.files import atomic_write_text

BATCHES, TOY_BATCHES = (8192, 2048, 512), (16,)  # that of the bar first
BUDGET_SECONDS, MOST_ROUNDS = 1.0, 20
GRAPH = "pyvae, CUDA graph"
WARM_UP_STEPS = 3


def graph_of(step: Evaluation) -> Evaluation:
    """The step captured after a warm-up on a stream of its own, as torch asks; an evaluation replays it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_STEPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = step()

    def replay() -> Outputs:
        graph.replay()
        return outputs

    return replay


def steps_of(names: list[str], rows: int, device: str) -> dict[str, Evaluation]:
    """Training steps by provider; of pyvae's also the captured one, where graphs are."""
    steps = {name: training_step(name, rows, device) for name in names}
    if device == "cuda":
        steps[GRAPH] = graph_of(training_step(OURS, rows, device, capturable=True))
    return steps


def timed(evaluations: dict[str, Evaluation], device: str) -> tuple[dict[str, Timing], dict[str, str]]:
    """Medians of providers in turn, and why one is missing; a dry run has one round."""
    contest = (EventContest if device == "cuda" else Contest)(evaluations)
    contest.run(contest.rounds(BUDGET_SECONDS, MOST_ROUNDS if device == "cuda" else 1))
    return contest.timings(), contest.failures


def measure(names: list[str], rows: int, device: str) -> list[TrainingRow]:
    """A row per provider and one of the graph; the loss of a graph's step is that of pyvae's."""
    torch._dynamo.reset()
    case = Case(DENSITY, rows, LATENTS, BACKWARD)
    alone, _ = timed({name: loss_alone(name, case, device) for name in names}, device)
    whole, failures = timed(steps_of([name for name in names if name in alone], rows, device), device)
    found = [
        TrainingRow(name, rows, timing.median, alone[OURS if name == GRAPH else name].median, timing.rounds)
        for name, timing in whole.items()
    ]
    return found + [TrainingRow(name, rows, None, None, 0, note) for name, note in failures.items()]


def row_or_note(measure: Callable[[], list[TrainingRow]], rows: int) -> list[TrainingRow]:
    """The rows, or one that says what pyvae raised."""
    try:
        return measure()
    except Exception as error:  # whatever a kernel that has never run may raise
        return [TrainingRow(OURS, rows, None, None, 0, failure(error))]


def save(out: Path, rows: list[TrainingRow]) -> None:
    found = {"rows": [asdict(row) for row in rows], "bars": [asdict(verdict) for verdict in of_training(rows)]}
    atomic_write_text(out / "training.json", json.dumps(found, indent=1) + "\n")


def main() -> None:
    arguments = parse(__doc__)
    end = time.monotonic() + arguments.seconds
    found: dict[int, list[TrainingRow]] = {}
    batches = TOY_BATCHES if arguments.toy else BATCHES
    peers = [EAGER] if arguments.toy else [EAGER, COMPILED]
    for names in ([OURS], [OURS, *peers])[
        1 if arguments.toy else 0 :
    ]:  # what the bar needs before what takes a compiler
        for rows in batches:
            if time.monotonic() > end and rows in found:
                continue
            found[rows] = row_or_note(lambda names=names, rows=rows: measure(names, rows, arguments.device), rows)
            save(arguments.out, [row for each in found.values() for row in each])
            print(rows, {row.provider: row.note or f"{1e3 * row.seconds:.4g} ms" for row in found[rows]}, flush=True)
    missing = [row for each in found.values() for row in each if row.provider == OURS and row.seconds is None]
    print(f"{len(found)} sizes measured, {len(missing)} without a time")
    raise SystemExit(1 if missing else 0)


if __name__ == "__main__":
    main()
