"""Whole training steps of the beta-TCVAE of benchmarks/train, as training.json; pyvae's also as a CUDA graph.

python -m benchmarks.gpu.training --out build/gpu/out
"""

import json
import time
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.gpu.arguments import parse
from benchmarks.gpu.bars import of_training
from benchmarks.train.tcvae import LATENTS, loss_alone, training_step
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


def timed(evaluations: dict[str, Evaluation], device: str) -> tuple[dict[str, Timing], dict[str, str]]:
    """Medians of providers in turn, and why one is missing; a dry run has one round."""
    contest = (EventContest if device == "cuda" else Contest)(evaluations)
    contest.run(contest.rounds(BUDGET_SECONDS, MOST_ROUNDS if device == "cuda" else 1))
    return contest.timings(), contest.failures


def measure(names: list[str], rows: int, device: str) -> list[TrainingRow]:
    """A row per provider, with a note for one that failed."""
    torch._dynamo.reset()
    case = Case(DENSITY, rows, LATENTS, BACKWARD)
    alone, failures = timed({name: loss_alone(name, case, device) for name in names}, device)
    whole, more = timed({name: training_step(name, rows, device) for name in alone}, device)
    found = [TrainingRow(name, rows, t.median, alone[name].median, t.rounds) for name, t in whole.items()]
    return found + [TrainingRow(name, rows, None, None, 0, note) for name, note in (failures | more).items()]


def graph_row(rows: int, device: str, loss_seconds: float) -> TrainingRow:
    """pyvae's step as one graph; its loss alone is taken to cost what it does outside of one."""
    try:
        replay = graph_of(training_step(OURS, rows, device, capturable=True))
        timing = timed({OURS: replay}, device)[0][OURS]
    except Exception as error:  # whatever a capture may raise
        return TrainingRow(GRAPH, rows, None, None, 0, failure(error))
    return TrainingRow(GRAPH, rows, timing.median, loss_seconds, timing.rounds)


def ours_first(rows: int, device: str) -> list[TrainingRow]:
    """pyvae's rows, which the bar needs; one with a note where pyvae itself fails."""
    try:
        found = measure([OURS], rows, device)
    except Exception as error:  # whatever a kernel that has never run may raise
        return [TrainingRow(OURS, rows, None, None, 0, failure(error))]
    loss_seconds = found[0].loss_seconds
    if device == "cuda" and loss_seconds is not None:
        found.append(graph_row(rows, device, loss_seconds))
    return found


def with_peers(found: list[TrainingRow], rows: int, device: str, peers: list[str]) -> list[TrainingRow]:
    """The rows of pyvae and its peers in turn, beside that of the graph; those that were found if the contest fails."""
    try:
        together = measure([OURS, *peers], rows, device)
    except Exception as error:  # out of memory in a round, say
        return [*found, TrainingRow(", ".join(peers), rows, None, None, 0, failure(error))]
    return together + [row for row in found if row.provider == GRAPH]


def save(out: Path, found: dict[int, list[TrainingRow]]) -> None:
    rows = [row for each in found.values() for row in each]
    text = json.dumps({"rows": [asdict(row) for row in rows], "bars": [asdict(v) for v in of_training(rows)]}, indent=1)
    atomic_write_text(out / "training.json", text + "\n")


def main() -> None:
    arguments = parse(__doc__)
    end = time.monotonic() + arguments.seconds
    found: dict[int, list[TrainingRow]] = {}
    batches, peers = (TOY_BATCHES, [EAGER]) if arguments.toy else (BATCHES, [EAGER, COMPILED])
    for rows in batches:
        found[rows] = ours_first(rows, arguments.device)
        save(arguments.out, found)
    for rows in batches:
        if found[rows][0].seconds is not None and time.monotonic() < end:
            found[rows] = with_peers(found[rows], rows, arguments.device, peers)
            save(arguments.out, found)
        print(rows, {row.provider: row.note or f"{1e3 * (row.seconds or 0):.4g} ms" for row in found[rows]}, flush=True)
    failed = [rows for rows in batches if found[rows][0].seconds is None]
    print(f"{len(found)} sizes measured, {len(failed)} without a time")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
