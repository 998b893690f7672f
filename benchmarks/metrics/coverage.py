"""How often a score's 95 % interval covers the truth, and how wide it is, where the truth is known.

    python -m benchmarks.metrics.coverage                  # coverage.json, ten minutes on two cores
    python -m benchmarks.metrics.coverage mig infomec_modularity --seeds 40

A problem is a function of a seed that gives codes, factors and the score that these have in truth. Files of this folder
whose names start with "known_" offer theirs in two sets, by the metric's name: `PROBLEMS`, by which the methods of
intervals were chosen, and `HELD_OUT`, by which none was. Each of a metric's problems is asked for the same share of the
seeds. `width` is the median of an interval's width over the width that the scores themselves scatter over, 3.92
standard deviations of their errors: 1 is right, and up to 2 is allowed. Metrics that are named are measured anew, and
the others stay in the file as they are.
"""

import argparse
import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from benchmarks.script import begin, parser_of
from pyvae.metrics import METRICS, Codes, Factors, Measured

FILE = "coverage.json"
SEEDS = 200
LEAST_COVERED, WIDEST = 0.9, 2.0
ROUNDING = 1e-12  # of a truth that is the end of an interval

Set = Literal["PROBLEMS", "HELD_OUT"]
SETS: dict[Set, str] = {"PROBLEMS": "chosen by", "HELD_OUT": "held out"}


class Known(NamedTuple):
    """Codes and factors, and their score in truth."""

    codes: Codes
    factors: Factors | None
    truth: float


class Problem(NamedTuple):
    """What is drawn anew for each seed, and what the metric is told beside codes and factors."""

    name: str
    draw: Callable[[int], Known]
    options: dict[str, Any] = {}  # noqa: RUF012


class Coverage(NamedTuple):
    """Of one metric: shares of intervals, widths over the scores' own scatter, and the mean error of each problem."""

    covered: float
    width: float
    problems: dict[str, dict[str, float]]

    @property
    def holds(self) -> bool:
        """Whether the intervals are right often enough and no wider than allowed."""
        return self.covered >= LEAST_COVERED and self.width <= WIDEST


def all_problems(which: Set = "PROBLEMS") -> dict[str, list[Problem]]:
    """The problems by metric: "infomec_modularity" is one of several scores, "mig of posteriors" a kind of codes."""
    found: dict[str, list[Problem]] = {}
    for path in sorted(Path(__file__).parent.glob("known_*.py")):
        offered = importlib.import_module(f"benchmarks.metrics.{path.stem}")
        for name, problems in getattr(offered, which).items():
            found.setdefault(name, []).extend(problems)
    return found


def coverage(name: str, problems: Sequence[Problem], seeds: int = SEEDS) -> Coverage:
    """Of a metric, over `seeds` draws in all."""
    each = max(2, seeds // len(problems))
    facts, covered, widths = {}, [], []
    for problem in problems:
        errors, low, high = (
            np.array(part) for part in zip(*(_try(name, problem, s) for s in range(each)), strict=True)
        )
        inside = (low <= ROUNDING) & (high >= -ROUNDING)
        scatter = 3.92 * max(float(errors.std(ddof=1)), 1e-12)
        width = float(np.median(high - low)) / scatter
        facts[problem.name] = {"covered": float(inside.mean()), "width": width, "bias": float(errors.mean())}
        covered.append(float(inside.mean()))
        widths.append(width)
    return Coverage(float(np.mean(covered)), float(np.median(widths)), facts)


def _try(name: str, problem: Problem, seed: int) -> tuple[float, float, float]:
    """The score and the ends of its interval, less the truth."""
    known = problem.draw(seed)
    score = measure(name, known, seed, **problem.options)
    return score.value - known.truth, score.low - known.truth, score.high - known.truth


def measure(name: str, known: Known, seed: int, **options: Any) -> Measured:
    """A score by its name, which is the metric's, or the metric's and the field's of what it returns."""
    name = name.partition(" of ")[0]
    metric = next(found for found in sorted(METRICS, key=len, reverse=True) if name.startswith(found))
    given = [known.codes, known.factors] if METRICS[metric].needs_factors else [known.codes]
    found = METRICS[metric].function(*given, seed=seed, **options)
    if isinstance(found, Measured):
        return found
    part: Measured = getattr(found, name.removeprefix(f"{metric}_"))
    return part


def main() -> None:
    arguments = _arguments()
    script = begin(arguments, threads=1)
    path = script.out / FILE
    kept = json.loads(path.read_text()) if arguments.names and path.is_file() else {}
    found: dict[Set, dict[str, Any]] = {which: kept.get(title, {}) for which, title in SETS.items()}
    for which, name, one in _measured(arguments.names, arguments.seeds, arguments.processes):
        found[which][name] = one._asdict()
        print(
            f"{SETS[which]}, {name}: covered {one.covered:.3f}, width {one.width:.2f}{'' if one.holds else ', SHORT'}"
        )
        for problem, numbers in one.problems.items():
            shown = "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
            print(f"    {problem:20}{shown}", flush=True)
    in_order = {
        SETS[which]: {name: of[name] for name in all_problems(which) if name in of} for which, of in found.items()
    }
    script.save(FILE, {"seeds": arguments.seeds, **in_order})


def _measured(names: Sequence[str], seeds: int, processes: int) -> Iterator[tuple[Set, str, Coverage]]:
    """Of both sets, each as soon as it is there and all before it."""
    asked = [(which, name) for which in SETS for name in all_problems(which) if not names or name in names]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for (which, name), one in zip(asked, pool.map(partial(_one, seeds), *zip(*asked, strict=True)), strict=True):
            yield which, name, one


def _one(seeds: int, which: Set, name: str) -> Coverage:
    torch.set_num_threads(1)
    return coverage(name, all_problems(which)[name], seeds)


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, FILE)
    parser.add_argument("names", nargs="*", help="metrics; all with problems unless named")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"draws of each metric, {SEEDS} by default")
    parser.add_argument("--processes", type=int, default=2, help="metrics at a time, 2 by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
