"""`pyvae sweep`: many runs of a study."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyvae.cli.app import app
from pyvae.sweeps.coordinator import Limits
from pyvae.sweeps.engines import NAMES, workers_named
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.logs import NAMES as LOGS
from pyvae.sweeps.names import RESULTS
from pyvae.sweeps.planning.plan import SweepConfig
from pyvae.sweeps.run import planned, run_sweep


@app.command()
def sweep(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG", help="What to run, a YAML file with study, set and axes; or a sweep's folder, to go on."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the sweep. Default: runs/ and the name of the config.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Set a field in every cell, as set of the file does. Repeatable."
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help=f"Who works at it: {', '.join(NAMES)}.")] = NAMES[0],
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Shards at a time; by default torch's number of threads, what a Ray cluster has room for, or 16 jobs.",
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=4096, help="Threads of each worker.")] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Ray cluster to join: auto or host:port. By default a Ray of its own.", show_default=False),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Options for sbatch, such as partition=gpu or time=4:00:00. Repeatable."
        ),
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option(min=1, help="Cells that are trained together at most; measured by default.")
    ] = None,
    attempts: Annotated[
        int, typer.Option(min=1, help="Workers that may die at a shard, in a row and without getting further.")
    ] = 5,
    stop_after_failures: Annotated[
        int | None, typer.Option(min=1, help="Stop once so many cells have failed; by default go on with the others.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try once more what has failed.")] = False,
    log: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"Log for another program, kept in the sweep's folder: {', '.join(LOGS)}. Repeatable."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and leave.")] = False,
) -> None:
    """Run a study for every combination of values of any of its fields.

    The same command goes on where the last one ended, and nothing that is finished is computed again; a config to which
    values, seeds or steps were added is trained on top. Ctrl-C keeps what is done.

    Examples:

        pyvae sweep sweep.yaml

        pyvae sweep sweep.yaml --out runs/large --workers 4 --stop-after-failures 3

        pyvae sweep sweep.yaml --log tensorboard

        pyvae sweep sweep.yaml --engine ray --address auto

        pyvae sweep sweep.yaml --engine slurm --workers 32 --threads 4 --slurm partition=cpu --slurm time=4:00:00
    """
    console, held = Console(), SweepFolder(config).config()
    asked = (held or SweepConfig.from_file(config)).setting(settings or ())
    folder = out or (config if held else Path("runs") / config.stem)
    if dry_run:
        console.print(planned(asked, folder), highlight=False, markup=False, soft_wrap=True)
        return
    report = run_sweep(
        asked,
        folder,
        engine=workers_named(engine, workers=workers, threads=threads, address=address, slurm=slurm or ()),
        shard_size=shard_size,
        retry_failed=retry_failed,
        limits=Limits(attempts, stop_after_failures),
        log=log or (),
        console=console,
    )
    for name in dict.fromkeys(log or ()):
        console.print(f"{name}: {folder / name}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"results: {folder / RESULTS}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: {report}", highlight=False, markup=False, soft_wrap=True)
