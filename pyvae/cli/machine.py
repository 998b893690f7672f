"""`pyvae bench` and `pyvae info`: how fast, and on what."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyvae.bench.errors import BenchError
from pyvae.cli.app import app
from pyvae.info import facts
from pyvae.nn import products
from pyvae.training.choice import told


@app.command()
def bench(
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json, results.md, overview.png, time.png and memory.png.")
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
    found = facts() | {"stacked layers": products.told(), "training steps": told()}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    width = max(map(len, found))
    for label, value in found.items():
        print(f"{label:<{width}}  {value}")
