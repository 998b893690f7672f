"""`pyvae traverse` and `pyvae compare`: trained models as pages."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pyvae.cli.app import Threads, app, set_threads

_Models = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUES",
        help="Which models: an axis of the run (mu, beta, …, seed) or group, and values separated by commas. "
        "Repeatable: models meet all of them. Default: a few of the first seed and the bias nearest to 0.",
        show_default=False,
    ),
]
_Images = Annotated[int, typer.Option(min=1, max=100, help="Test images in a row.")]
_Points = Annotated[int, typer.Option(min=2, help="Points of the test set for codes and scores, at most.")]
_Seed = Annotated[int, typer.Option(min=0, help="Of the images that are drawn, and of all else that is random.")]


@app.command()
def traverse(
    run: Annotated[Path, typer.Argument(help="Folder of a study that has trained models.")],
    models: _Models = None,
    out: Annotated[
        Path | None, typer.Option(help="The page. Default: traverse.html in the run's folder.", show_default=False)
    ] = None,
    images: _Images = 10,
    points: _Points = 2000,
    seed: _Seed = 0,
    threads: Threads = None,
) -> None:
    """Show what a study's models draw: one page of traversals, interpolations, reconstructions, codes, odd images.

    The page is one file that needs no other.

    Examples:

        pyvae traverse runs/mine

        pyvae traverse runs/mine --models mu=0 --models beta=1,4 --models seed=0 --out page.html
    """
    from pyvae.pages import How, traverse  # matplotlib is slow to import and no other command's business

    set_threads(threads)
    console, how = Console(), How(images, points, seed)
    path = traverse(run, models=models or [], out=out, how=how, console=console)
    console.print(f"page: {path}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of studies that have trained models.")],
    models: _Models = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("compare.html"),
    images: _Images = 10,
    points: _Points = 2000,
    seed: _Seed = 0,
    threads: Threads = None,
) -> None:
    """Show models of one or several studies side by side: the same images, codes and latents, in one page.

    The page is one file that needs no other; it has the settings in which the studies differ, and training curves, too.

    Examples:

        pyvae compare runs/mine runs/tcvae

        pyvae compare runs/mine --models seed=0 --models mu=0 --out page.html
    """
    from pyvae.pages import How, compare

    set_threads(threads)
    console, how = Console(), How(images, points, seed)
    path = compare(runs, models=models or [], out=out, how=how, console=console)
    console.print(f"page: {path}", highlight=False, markup=False, soft_wrap=True)
