"""`pyvae results`: what came of a sweep. It needs nothing that trains or measures, which takes seconds to import."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyvae.cli.app import app
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.table.command import Question, show_results


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
