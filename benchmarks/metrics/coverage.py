"""How often a score's 95 % interval covers the truth, and how wide it is, where the truth is known.

    python -m benchmarks.metrics.coverage                  # metrics_coverage.json, some minutes on one core
    python -m benchmarks.metrics.coverage mig infomec_modularity --seeds 40

A problem is a function of a seed that gives codes, factors and the score that these have in truth. Files of this folder
whose names start with "known_" offer theirs as `PROBLEMS`, by the metric's name: `Problem`s, of which each is asked for
the same share of the seeds. `width` is the median of an interval's width over the width that the scores themselves
scatter over, 3.92 standard deviations of their errors: 1 is right, and up to 2 is allowed.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import track

from benchmarks.script import begin, parser_of
from pyvae.metrics import METRICS, Codes, Factors, Measured

SEEDS = 200
LEAST_COVERED, WIDEST = 0.9, 2.0


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


def all_problems() -> dict[str, list[Problem]]:
    """The problems by metric: "infomec_modularity" is one of several scores, "mig of posteriors" a kind of codes."""
    found: dict[str, list[Problem]] = {}
    for path in sorted(Path(__file__).parent.glob("known_*.py")):
        offered = importlib.import_module(f"benchmarks.metrics.{path.stem}").PROBLEMS
        for name, problems in offered.items():
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
        inside = (low <= 0) & (high >= 0)
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
    parser = parser_of(__doc__, "metrics_coverage.json")
    parser.add_argument("names", nargs="*", help="metrics; all with problems unless named")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"draws of each metric, {SEEDS} by default")
    arguments = parser.parse_args()
    script, problems = begin(arguments, threads=1), all_problems()
    names = arguments.names or list(problems)
    facts: dict[str, object] = {"seeds": arguments.seeds}
    for name in track(names, description="coverage"):
        found = coverage(name, problems[name], arguments.seeds)
        facts[name] = {"covered": found.covered, "width": found.width, "problems": found.problems}
        print(f"{name:24} covered {found.covered:.3f}  width {found.width:.2f}  {'' if found.holds else 'SHORT'}")
        for problem, numbers in found.problems.items():
            print("    " + f"{problem:28}" + "  ".join(f"{key} {value:.4f}" for key, value in numbers.items()))
    script.save("metrics_coverage.json", facts)


if __name__ == "__main__":
    main()
