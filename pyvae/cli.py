"""The command line. Wrong input ends with one sentence on stderr and exit code 2, never with a traceback."""

import json
import sys
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import torch
import typer
from rich.console import Console
from safetensors import SafetensorError

from pyvae.bench.errors import BenchError
from pyvae.info import facts
from pyvae.studies.config import StudyConfig, with_overrides
from pyvae.studies.config import preset as preset_named
from pyvae.studies.run import load_config, run_study
from pyvae.training.errors import StudyError, StudyInterrupted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Fused operations for variational autoencoders, and studies of them on biased data.",
)

INTERRUPTED = 130
"""Exit code after ctrl-C, as shells have it."""


@app.command()
def study(
    out: Annotated[Path, typer.Option(help="Folder for everything the study writes; report.html is the page to open.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from: [b]quick[/b] (minutes), [b]seed[/b] (the source's 10 000 steps, "
            "three seeds), [b]long[/b] (to convergence). Default: quick, or with --resume what the folder holds.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set any field; lists are separated by commas. Repeatable."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the study in the folder from its last checkpoint.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use; torch's number by default.")] = None,
) -> None:
    """Train VAEs on biased grid data, measure what they recover, and write figures and a report.

    All models of all biases (mu), KL weights (beta) and seeds train at once. Ctrl-C stops at the next step
    and keeps what is done.

    Examples:

        pyvae study --preset quick --out runs/quick

        pyvae study --preset seed --out runs/mine --set steps=2000 --set betas=1,4 --set mus=0,2.5

        pyvae study --out runs/mine --resume
    """
    if threads is not None:
        torch.set_num_threads(threads)
    console = Console()
    report = run_study(_config(out, preset, settings or [], resume=resume), out, resume=resume, console=console)
    console.print(f"report: {report}", highlight=False, soft_wrap=True)


@app.command()
def bench(
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json, results.md, time.png and memory.png.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to use; torch's number by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every size, in about a quarter of an hour.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the rows that the folder holds.")] = False,
) -> None:
    """Measure the ops beside eager torch, torch.compile and, where installed, pykeops.

    Same inputs, same threads, interleaved; takes about two minutes. Ctrl-C stops and keeps the rows that are done.

    Examples:

        pyvae bench

        pyvae bench --full --out runs/bench --resume
    """
    from pyvae.bench.run import run_bench  # torch.compile's modules are slow to import and no other command's business

    if resume and out is None:
        raise BenchError("--resume needs the folder to go on with: name it by --out")
    run_bench(out, threads=threads, full=full, resume=resume, console=Console())


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Say what is built, which instruction set runs, and what pyvae found on this machine."""
    found = facts()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    width = max(map(len, found))
    for label, value in found.items():
        print(f"{label:<{width}}  {value}")


def _config(out: Path, preset: str | None, settings: list[str], *, resume: bool) -> StudyConfig:
    """The settings asked for: a preset or, when resuming without one, those in the folder; then the
    overrides.
    """
    held = load_config(out) if resume and preset is None else None
    if resume and preset is None and held is None:
        raise StudyError(f"--resume needs a study to go on with, but {out} holds none: name a --preset to start one")
    try:
        return with_overrides(held or preset_named(preset or "quick"), settings)
    except ValueError as problem:
        raise StudyError(str(problem)) from None


def main() -> None:
    """Entry point `pyvae`."""
    try:
        app()
    except StudyInterrupted as interrupted:
        _leave(str(interrupted), INTERRUPTED)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except (StudyError, BenchError, OSError, SafetensorError, pa.ArrowException) as problem:
        _leave(f"error: {problem}", 2)


def _leave(message: str, code: int) -> None:
    print(f"pyvae: {message}", file=sys.stderr)
    sys.exit(code)
