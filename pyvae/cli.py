"""The command line. Wrong input ends with one sentence on stderr and exit code 2, never with a traceback."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import torch
import typer
from rich.console import Console
from rich.markup import escape
from safetensors import SafetensorError

import pyvae
from pyvae.bench.errors import BenchError
from pyvae.data import DATA_SETS
from pyvae.errors import Interrupted, UserError
from pyvae.info import facts
from pyvae.nn import products
from pyvae.settings import Config
from pyvae.studies import NAMES, Study, StudyError, asked, study_named
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.folder import study_in
from pyvae.studies.run import run_study
from pyvae.training.choice import told

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Fused operations for variational autoencoders, and studies of them on biased data.",
)

INTERRUPTED = 130
"""Exit code after ctrl-C, as shells have it."""


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
_Threads = Annotated[int | None, typer.Option(min=1, max=4096, help="Threads to use; torch's number by default.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"pyvae {pyvae.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Fused operations for variational autoencoders, and studies of them on biased data."""


def _studies_help() -> str:
    """Every study with its question and presets, for the end of the help."""
    lines = [f"[b]{name}[/b]: {asked(name)} Presets: {', '.join(study_named(name).presets)}." for name in NAMES]
    return "\n\n".join(["[b]Studies[/b], of which --fields lists the settings:", *lines])


def _fields(study: Study[Any], config: Config) -> str:
    """Every setting of a study with its type and its value in `config`."""
    values, aliases = config.values(), {new: old for old, new in config.ALIASES.items()}
    lines = [f"[b]Fields of {study.name} for --set[/b]: what they may be, and what they are in {config.preset}."]
    for name, spec in config.specs().items():
        also = f" (or {aliases[name]})" if name in aliases else ""
        value = escape(spec.shown(values[name]))
        lines.append(f"[b]{name}[/b]{also}: {escape(spec.expected)}; {value}. {escape(spec.help)}")
    if "objective" in config.CHOICES:
        lines.append("Another objective brings its own fields: try --set objective=beta-tcvae --fields.")
    return "\n\n".join(lines)


@app.command(epilog=_studies_help())
def study(
    name: Annotated[str, typer.Argument(metavar="[STUDY]", help=f"One of: {', '.join(NAMES)}.")] = NAMES[0],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for everything the study writes; report.html is the page to open. Default: runs/STUDY-PRESET.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from, of which each study has its own; all have [b]quick[/b] (minutes). "
            "Default: quick, or with --resume what the folder holds.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set any field; lists are separated by commas. Repeatable."),
    ] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print the settings that would be used, as JSON, and leave.")
    ] = False,
    fields: Annotated[
        bool, typer.Option("--fields", help="List the fields that --set takes, with what each is for, and leave.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the study in the folder from its last checkpoint.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Threads to use; torch's number by default.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where models are trained: cpu, cuda, or a certain GPU such as cuda:1.")
    ] = "cpu",
) -> None:
    """Train a study's VAEs, measure them, and write figures and a report.

    All models of all biases, strengths and seeds train at once. Ctrl-C stops at the next step and keeps what is done.

    Examples:

        pyvae study

        pyvae study biased-grid --preset seed --out runs/mine --set steps=2000 --set betas=1,4 --set mus=0,2.5

        pyvae study --set objective=beta-tcvae --set estimator=balanced --out runs/tcvae

        pyvae study --out runs/mine --resume
    """
    if threads is not None:
        torch.set_num_threads(threads)
    chosen, console = study_named(name), Console()
    out = out or Path("runs") / f"{chosen.name}-{preset or chosen.default_preset}"
    config = _config(chosen, out, preset, settings or [], resume=resume)
    if show_config:
        print(config.to_json(), end="")
        return
    if fields:
        console.print(_fields(chosen, config), highlight=False)
        return
    report = run_study(chosen, config, out, resume=resume, device=device, console=console)
    console.print(f"report: {report}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a study that has trained models.")],
    metrics: Annotated[
        str | None,
        typer.Option(help="Names separated by commas; all but the slow ones by default.", show_default=False),
    ] = None,
    protocol: Annotated[str, typer.Option(help="paper or disentanglement_lib.")] = "paper",
    seed: Annotated[int, typer.Option(min=0, help="Of the points that are drawn and of the metrics.")] = 0,
    points: Annotated[int, typer.Option(min=1, help="Points of the test set, at most.")] = 10_000,
    data: Annotated[
        str | None,
        typer.Option(help=f"Another data set than the models': {', '.join(DATA_SETS)}.", show_default=False),
    ] = None,
    data_path: Annotated[
        Path | None, typer.Option(help="The file or folder of --data, where it reads one.", show_default=False)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Threads to use; torch's number by default.")
    ] = None,
) -> None:
    """Measure the disentanglement of a study's models on its unbiased test set, into metrics.parquet.

    What the folder holds of the same weights and settings is not measured again, so that the same command goes on
    where ctrl-C stopped it.

    Examples:

        pyvae evaluate runs/mine

        pyvae evaluate runs/mine --metrics mig,dcimig --protocol disentanglement_lib
    """
    if threads is not None:
        torch.set_num_threads(threads)
    console, names = Console(), None if metrics is None else metrics.split(",")
    path = evaluate_run(
        run, metrics=names, protocol=protocol, seed=seed, points=points, data=data, data_path=data_path, console=console
    )
    console.print(f"metrics: {path}", highlight=False, markup=False, soft_wrap=True)


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
    threads: _Threads = None,
) -> None:
    """Show what a study's models draw: one page of traversals, interpolations, reconstructions, codes, odd images.

    The page is one file that needs no other.

    Examples:

        pyvae traverse runs/mine

        pyvae traverse runs/mine --models mu=0 --models beta=1,4 --models seed=0 --out page.html
    """
    from pyvae.pages import How, traverse  # matplotlib is slow to import and no other command's business

    _set_threads(threads)
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
    threads: _Threads = None,
) -> None:
    """Show models of one or several studies side by side: the same images, codes and latents, in one page.

    The page is one file that needs no other; it has the settings in which the studies differ, and training curves, too.

    Examples:

        pyvae compare runs/mine runs/tcvae

        pyvae compare runs/mine --models seed=0 --models mu=0 --out page.html
    """
    from pyvae.pages import How, compare

    _set_threads(threads)
    console, how = Console(), How(images, points, seed)
    path = compare(runs, models=models or [], out=out, how=how, console=console)
    console.print(f"page: {path}", highlight=False, markup=False, soft_wrap=True)


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


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)


def _config(study: Study[Any], out: Path, preset: str | None, settings: list[str], *, resume: bool) -> Config:
    """The settings asked for: a preset or, when resuming without one, those in the folder; then the
    overrides.
    """
    held = study_in(out) if resume and preset is None else None
    if resume and preset is None and held is None:
        raise StudyError(f"--resume needs a study to go on with, but {out} holds none: name a --preset to start one")
    try:
        base: Config = held[1] if held else study.preset(preset or study.default_preset)
        return base.overridden(settings)
    except ValueError as problem:
        raise StudyError(str(problem)) from None


def main() -> None:
    """Entry point `pyvae`."""
    try:
        app()
    except Interrupted as interrupted:
        _leave(str(interrupted), INTERRUPTED)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except (UserError, OSError, SafetensorError, pa.ArrowException) as problem:
        _leave(f"error: {problem}", 2)


def _leave(message: str, code: int) -> None:
    print(f"pyvae: {message}", file=sys.stderr)
    sys.exit(code)
