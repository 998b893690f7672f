"""`pyvae study` and `pyvae evaluate`: train, measure and tell."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from pyvae.cli.app import Threads, app, set_threads
from pyvae.data import DATA_SETS
from pyvae.settings import Config
from pyvae.studies import NAMES, Study, StudyError, asked, study_named
from pyvae.studies.evaluate import evaluate_run
from pyvae.studies.folder import study_in
from pyvae.studies.run import run_study


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
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help=f"One of: {', '.join(NAMES)}. Default: {NAMES[0]}, or with --resume the one that the folder holds.",
            show_default=False,
        ),
    ] = None,
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
    threads: Threads = None,
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
    set_threads(threads)
    asked_for, console = study_named(name or NAMES[0]), Console()
    out = out or Path("runs") / f"{asked_for.name}-{preset or asked_for.default_preset}"
    held = study_in(out) if resume else None
    chosen = asked_for if held is None else _resumed(held[0], name, out)
    config = _config(chosen, out, preset, settings or [], None if held is None else held[1], resume=resume)
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
    threads: Threads = None,
) -> None:
    """Measure the disentanglement of a study's models on its unbiased test set, into metrics.parquet.

    What the folder holds of the same weights and settings is not measured again, so that the same command goes on
    where ctrl-C stopped it.

    Examples:

        pyvae evaluate runs/mine

        pyvae evaluate runs/mine --metrics mig,dcimig --protocol disentanglement_lib
    """
    set_threads(threads)
    console, names = Console(), None if metrics is None else metrics.split(",")
    path = evaluate_run(
        run, metrics=names, protocol=protocol, seed=seed, points=points, data=data, data_path=data_path, console=console
    )
    console.print(f"metrics: {path}", highlight=False, markup=False, soft_wrap=True)


def _resumed(held: Study[Any], name: str | None, out: Path) -> Study[Any]:
    """The study that a folder holds; StudyError where another one is named."""
    if name not in (None, held.name):
        raise StudyError(
            f"{out} holds {_with_article(held.name)} study, not {_with_article(name)} one: leave STUDY out to go on "
            "with it, or choose another folder"
        )
    return held


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _config(
    study: Study[Any], out: Path, preset: str | None, settings: list[str], held: Config | None, *, resume: bool
) -> Config:
    """The settings asked for: a preset or, when resuming without one, those in the folder; then the
    overrides.
    """
    if resume and preset is None and held is None:
        raise StudyError(f"--resume needs a study to go on with, but {out} holds none: name a --preset to start one")
    try:
        base = held if held is not None and preset is None else study.preset(preset or study.default_preset)
        return base.overridden(settings)
    except ValueError as problem:
        raise StudyError(str(problem)) from None
