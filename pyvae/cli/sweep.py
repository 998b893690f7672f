"""`pyvae sweep` and `pyvae results`: many runs of a study, and what came of them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyvae.cli.app import app
from pyvae.sweeps.coordinator import Limits
from pyvae.sweeps.engines import NAMES, workers_named
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.folder import SweepFolder
from pyvae.sweeps.names import RESULTS
from pyvae.sweeps.planning.plan import SweepConfig, plan_of
from pyvae.sweeps.run import run_sweep
from pyvae.sweeps.table.command import Question, show_results


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and leave.")] = False,
) -> None:
    """Run a study for every combination of values of any of its fields.

    The same command goes on where the last one ended, and nothing that is finished is computed again; a config to which
    values, seeds or steps were added is trained on top. Ctrl-C keeps what is done.

    Examples:

        pyvae sweep sweep.yaml

        pyvae sweep sweep.yaml --out runs/large --workers 4 --stop-after-failures 3

        pyvae sweep sweep.yaml --engine ray --address auto

        pyvae sweep sweep.yaml --engine slurm --workers 32 --threads 4 --slurm partition=cpu --slurm time=4:00:00
    """
    console, held = Console(), SweepFolder(config).config()
    asked = held or SweepConfig.from_file(config)
    if dry_run:
        plan = plan_of(asked)
        console.print(f"{len(plan.cells)} cells of {plan.study.name} over {', '.join(plan.fields)}", highlight=False)
        return
    folder = out or (config if held else Path("runs") / config.stem)
    report = run_sweep(
        asked,
        folder,
        engine=workers_named(engine, workers=workers, threads=threads, address=address, slurm=slurm or ()),
        shard_size=shard_size,
        retry_failed=retry_failed,
        limits=Limits(attempts, stop_after_failures),
        console=console,
    )
    console.print(f"results: {folder / RESULTS}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report: {report}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def results(
    sweep: Annotated[Path, typer.Argument(help="Folder of a sweep.")],
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Rows to show, such as \"beta > 4 and objective == 'beta-tcvae' and mig is not null\".",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="The largest first, texts from A to Z, rows without a value last. Default: the order of cells.",
            show_default=False,
        ),
    ] = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="With --sort: the smallest first.")] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Names or patterns such as dci_*, separated by commas. Default: the axes and a few measures; all of "
            "them in CSV, JSON and files.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Rows at most, 0 for all. Default: 40 on a terminal, else all.", show_default=False),
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(
            metavar="seeds",
            help="A row for all models that differ in the seed only: means with half of their 95 % t intervals.",
            show_default=False,
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, an object a line.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File to write instead: .csv, .json or .parquet.", show_default=False)
    ] = None,
) -> None:
    """Show what came of a sweep, also while it runs: a row for each model, and for each cell that failed.

    Examples:

        pyvae results runs/sweep --sort mig --where "beta > 4"

        pyvae results runs/sweep --over seeds --sort mig --limit 10

        pyvae results runs/sweep --where "status != 'finished'" --columns cell,shard,reason --csv
    """
    forms = [form for form, is_asked in (("csv", as_csv), ("json", as_json), ("out", out is not None)) if is_asked]
    if len(forms) > 1:
        raise SweepError(f"only one of --csv, --json and --out can be asked for, got {' and '.join(forms)}")
    question = Question(where, _names(sort) or (), ascending, _names(columns), limit, over)
    form = forms[0] if forms and out is None else None
    show_results(sweep, question, Console(), out=out, form=form)


def _names(text: str | None) -> list[str] | None:
    """Names separated by commas."""
    return None if text is None else [name.strip() for name in text.split(",")]
