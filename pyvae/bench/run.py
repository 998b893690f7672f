"""`pyvae bench`: every case in turn, the files after each row, the tables at the end."""

from pathlib import Path

import torch
from rich.console import Console

from pyvae.bench.cases import Case, full_cases, ops, quick_cases
from pyvae.bench.ceilings import measure_ceilings
from pyvae.bench.engine import FULL, QUICK, Effort, Engine
from pyvae.bench.errors import BenchError
from pyvae.bench.machine import busy_warning, machine_facts
from pyvae.bench.plots import write_plots
from pyvae.bench.report import ceiling_lines, print_report, summary, write_markdown
from pyvae.bench.results import Results, open_results
from pyvae.files import file_in_the_way


def run_bench(
    out: Path | None, *, threads: int | None = None, full: bool = False, resume: bool = False, console: Console
) -> Results:
    """Measures the two-minute version, or with `full` everything but the training steps.

    Args:
        out: folder for results.json, written after each row, results.md, time.png and memory.png; None writes nothing.
        threads: torch's threads; its own number by default.
        full: every size instead of a few.
        resume: keep the rows that `out` holds and measure the others.
        console: where progress and tables go.

    Raises:
        BenchError: if `out` is a file or holds results that cannot be continued, or providers disagree.
    """
    if out is not None:
        _check_folder(out)
    if threads is not None:
        torch.set_num_threads(threads)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    cases = [case for op in ops() for case in full_cases(op)] if full else quick_cases()
    return run_cases(cases, FULL if full else QUICK, out, resume=resume, console=console)


def _check_folder(out: Path) -> None:
    """Raises BenchError where a file stands in the way of the folder."""
    file = file_in_the_way(out)
    if file is not None:
        raise BenchError(f"out must be a folder for the results, got the file {str(file)!r}")


def run_cases(cases: list[Case], effort: Effort, out: Path | None, *, resume: bool, console: Console) -> Results:
    """Measures the cases; what is done is reported and kept however the run ends."""
    ceilings = measure_ceilings()
    results = open_results(out, machine_facts(), ceilings, resume=resume)
    for line in (*(f"{label}: {value}" for label, value in results.machine.items()), *ceiling_lines(ceilings)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if warning := busy_warning():
        console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    engine = Engine(ceilings, effort)
    for row in results.rows:
        engine.learn(row)
    try:
        _measure([case for case in cases if not results.holds(case)], engine, results, out, console)
    finally:
        results.raise_ceilings(measure_ceilings())
        if out is not None:
            results.save(out)
        print_report(results, console)
        if out is not None:
            write_report(results, out)
    check_agreement(results)
    return results


def write_report(results: Results, out: Path) -> None:
    """Everything but results.json, from the results."""
    write_markdown(results, out)
    write_plots(results, out)


def check_agreement(results: Results) -> None:
    """Raises BenchError if a row was refused because its providers disagree."""
    refused = [row for row in results.rows if row.disagrees]
    if refused:
        raise BenchError(f"providers disagree in {len(refused)} rows, the first: {summary(refused[0])}")


def _measure(cases: list[Case], engine: Engine, results: Results, out: Path | None, console: Console) -> None:
    for number, case in enumerate(cases, 1):
        with console.status(f"{number}/{len(cases)} {case}"):
            row = engine.measure(case)
        results.rows.append(row)
        if out is not None:
            results.save(out)
        console.print(f"{number}/{len(cases)} {summary(row)}", highlight=False, markup=False, soft_wrap=True)
