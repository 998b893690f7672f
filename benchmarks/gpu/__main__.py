"""Everything that only a GPU can show, in one bounded run; `make gpu` is the way to it, docs/gpu.md its description.

    python -m benchmarks.gpu                                  # build, tests, sanitizers, measurements, tables
    python -m benchmarks.gpu --wheel dist/pyvae_torch-....whl # instead of building
    python -m benchmarks.gpu --installed --device cpu --toy --steps facts ops training --out /tmp/dry    # without a GPU

Only the standard library is imported here: what a step needs and lacks is said in its row. Ends with 1 if one failed.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

from benchmarks.gpu import build, report
from benchmarks.gpu.steps import FAILED, LEFT_OUT, OUT_OF_TIME, Outcome, Step, run

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build/gpu"
RESULTS = ROOT / "benchmarks/results"
SECONDS = 525.0
"""The whole run; nine minutes with what the report and slow ends take."""

SANITIZERS = {"memcheck": 45.0, "racecheck": 45.0, "initcheck": 35.0, "synccheck": 30.0}
CUDA_TESTS = ["tests/ops", "tests/losses", "tests/nn"]
OPS_SECONDS, TRAINING_SECONDS = 110.0, 70.0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="unpack this wheel instead of building")
    parser.add_argument("--installed", action="store_true", help="use the pyvae that the interpreter has")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: a dry run")
    parser.add_argument("--toy", action="store_true", help="sizes that take no time")
    parser.add_argument("--steps", nargs="+", help="these steps alone; the results go to build/gpu/part")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all steps together")
    parser.add_argument("--out", type=Path, help="folder of the results; benchmarks/results/<GPU> by default")
    arguments = parser.parse_args()
    if arguments.device == "cpu" and arguments.out is None:
        parser.error("--out must be given for a dry run: benchmarks/results is for what a GPU measured.")
    for name in ("out", "wheel"):  # the steps run in the repository's folder
        if (path := getattr(arguments, name)) is not None:
            setattr(arguments, name, path.resolve())
    return arguments


def lacking(*packages: str) -> str:
    """A sentence about the packages that this interpreter has not got, or nothing."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(absent)}, not installed" if absent else ""


def steps(arguments: argparse.Namespace, out: Path) -> list[Step]:
    """In the order of what matters most if the time should run out."""
    python = [sys.executable, "-m"]
    wheel = ["--wheel", str(arguments.wheel)] if arguments.wheel else []
    measuring = ["--device", arguments.device, "--out", str(out), *(["--toy"] if arguments.toy else [])]
    tests = [*python, "pytest", "-o", "pythonpath=", "-p", "no:cacheprovider", "-rs", "--tb=short"]
    tests += ["-n", str(min(8, os.cpu_count() or 1))] if not lacking("xdist") else []
    needs = lacking("pytest", "numpy", "rich")
    sanitizer = shutil.which("compute-sanitizer")
    sanitized = [*python, "benchmarks.gpu.every_op", "--device", arguments.device]
    return [
        Step("build", [*python, "benchmarks.gpu.build", "--into", str(WORK), *wheel], 200.0),
        Step("facts", [*python, "benchmarks.gpu.facts", *measuring], 45.0),
        Step("tests on CUDA", [*tests, *CUDA_TESTS, "-k", "cuda"], 130.0, needs),
        Step("ops", [*python, "benchmarks.gpu.measure", *measuring, "--seconds", str(OPS_SECONDS - 20)], OPS_SECONDS),
        Step(
            "training",
            [*python, "benchmarks.gpu.training", *measuring, "--seconds", str(TRAINING_SECONDS - 25)],
            TRAINING_SECONDS,
        ),
        *(
            Step(
                tool,
                [sanitizer or "", "--tool", tool, "--error-exitcode", "9", *sanitized],
                seconds,
                "" if sanitizer else "needs compute-sanitizer, not on the path",
            )
            for tool, seconds in SANITIZERS.items()
        ),
        Step("other tests", [*tests, "tests", "-k", "not cuda", "-x"], arguments.seconds, needs, may_be_cut=True),
    ]


def environment(*, installed: bool) -> dict[str, str]:
    """The built package before the repository, and the current folder not in front of both."""
    given = list(filter(None, [os.environ.get("PYTHONPATH")]))
    folders = [*given, str(ROOT)] if installed else [str(build.site(WORK)), str(ROOT), *given]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def run_all(chosen: list[Step], arguments: argparse.Namespace, logs: Path) -> list[Outcome]:
    """Every step in turn. Without pyvae there is nothing for the others to do."""
    end = time.monotonic() + arguments.seconds
    ready, outcomes = environment(installed=arguments.installed), []
    # Allocations of their own, so that a sanitizer sees where each ends.
    alone = ready | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    for step in chosen:
        around = alone if step.name in SANITIZERS else ready
        outcomes.append(run(step, around, end - time.monotonic(), logs / f"{step.name.replace(' ', '-')}.log"))
        if step.name in ("build", "facts") and outcomes[-1].state in (FAILED, OUT_OF_TIME):
            left = chosen[len(outcomes) :]
            return outcomes + [
                Outcome(later.name, LEFT_OUT, 0.0, f"{step.name} {outcomes[-1].state}") for later in left
            ]
    return outcomes


def main() -> None:
    arguments = parse()
    out = arguments.out / "parts" if arguments.out else WORK / "out"
    shutil.rmtree(out, ignore_errors=True)  # another run's measurements are not this one's
    out.mkdir(parents=True)
    os.chdir(ROOT)
    every = [step for step in steps(arguments, out) if not (arguments.installed and step.name == "build")]
    outcomes = run_all([s for s in every if arguments.steps is None or s.name in arguments.steps], arguments, out)
    found = report.gather(out, outcomes)
    name = report.folder_name(out)
    # Neither a run that found no GPU nor a part of one is a result.
    folder = arguments.out or (RESULTS / name if name and not arguments.steps else WORK / "part")
    report.write(found, folder)
    print((folder / "results.md").read_text())
    print(f"written to {folder}")
    raise SystemExit(0 if all(outcome.is_well for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
