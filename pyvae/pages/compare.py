"""`pyvae compare RUN…`: several runs, or several models of runs, side by side on one page."""

import functools
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pyvae.files import atomic_write_text
from pyvae.pages.choice import chosen
from pyvae.pages.curves import curves
from pyvae.pages.frame import LIMITS, checked_path, heading, opened, told_of
from pyvae.pages.progress import PagesProgress
from pyvae.pages.run import Run, open_run
from pyvae.pages.sections import (
    interpolations,
    latent_map,
    oddest,
    or_sentence,
    reconstructions,
    samples,
    table_of_latents,
    table_of_models,
    table_of_rocs,
    traversals_beside,
)
from pyvae.pages.sheet import How, Material, Sheet
from pyvae.report.page import bullets, page, paragraph, section, table
from pyvae.studies import StudyError

AT_MOST = 8
"""Models that are shown where none are asked for, of all runs together, but two of each at least."""
LATENTS = 5
"""Traversals of each model, the latents most in use."""


def compare(
    runs: Sequence[Path | str | Run],
    *,
    models: Sequence[str] = (),
    out: Path | str = "compare.html",
    how: How | None = None,
    console: Console | None = None,
) -> Path:
    """Writes one self-contained page with the models of runs side by side, and returns its path.

    Rows of images, codes and ranks of latents are the same for all: what differs is the models.

    Args:
        runs: folders, or models that the engine trained (`pyvae.pages.run_of`); at least one.
        models: which, as `pyvae.pages.choice.chosen` takes them, of every run; a few of each by default.
        out: the page's path.
        how: how many images and points, and the seed. The same runs, models and `how` give the same page.
        console: for progress.

    Raises:
        StudyError: for no run, a folder without trained models, models that a run has not, data sets that differ, two
            runs of one name, and an `out` that is none.
    """
    if not runs:
        raise StudyError("runs must be at least one folder, got none")
    path = checked_path(out)
    held, how, console = _opened_runs(runs), how or How(), console or Console()
    at_most = max(2, AT_MOST // len(held))
    sheets, material = opened([member for run in held for member in chosen(run, models, at_most)], how)
    title = "Models beside each other"
    body = [heading(title, held, sheets, material, how)]
    with PagesProgress(console, 3) as progress:
        progress.next("models and their training")
        body += [
            section("Models", table_of_models(sheets)),
            section("Settings that differ", settings_that_differ(held)),
            section("Training", or_sentence(lambda: curves(held, sheets))),
        ]
        body += _pictures([sheet for sheet in sheets if not sheet.fault], material, progress)
    body += [told_of(sheets), section("What this page cannot tell", bullets(LIMITS))]
    atomic_write_text(path, page(title, body))
    return path


def settings_that_differ(runs: Sequence[Run]) -> str:
    """A table of the runs' settings in which they differ, or a sentence."""
    if len(runs) == 1:
        return paragraph("All models are of one run, and share its settings but for what their names say.")
    if not any(run.config for run in runs):
        return paragraph("The runs are of no study, and have no settings that could be read.")
    values = [{"study": run.study, **(run.config.values() if run.config else {})} for run in runs]
    names = list(dict.fromkeys(name for held in values for name in held))
    rows = [[name, *(_shown(held, name) for held in values)] for name in names]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    if not differing:
        return paragraph("The runs have the same settings.")
    return table(["setting", *(run.name for run in runs)], differing)


def _shown(held: dict[str, object], name: str) -> str:
    if name not in held:
        return "-"
    value = held[name]
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _pictures(sound: Sequence[Sheet], material: Material, progress: PagesProgress) -> list[str]:
    """Of the models that have something to show."""
    if not sound:
        return []
    progress.next("images")
    parts = [
        section("Reconstructions", reconstructions(sound, material)),
        section("Interpolations", interpolations(sound, material)),
        section("Samples of the prior", samples(sound, material)),
        section("Traversals, latent by latent", traversals_beside(sound, material, LATENTS)),
        section("How much latents are in use", table_of_latents(sound)),
        section("Unusual images", oddest(sound, material)),
    ]
    if rocs := table_of_rocs(sound):
        parts.append(section("Combinations that training never drew", rocs))
    progress.next("latents and factors")
    maps = [or_sentence(functools.partial(latent_map, sheet)) for sheet in sound]
    return [*parts, section("What latents tell of factors", *maps)]


def _opened_runs(runs: Sequence[Path | str | Run]) -> list[Run]:
    """The runs, by their folders' names where these differ, else by their paths."""
    names = [run.name if isinstance(run, Run) else Path(run).resolve().name for run in runs]
    unique = len(set(names)) == len(names)
    held = [
        run if isinstance(run, Run) else open_run(run, name if unique else str(run))
        for run, name in zip(runs, names, strict=True)
    ]
    called = [run.name for run in held]
    if len(set(called)) < len(called):
        raise StudyError(f"runs must be different ones, got {', '.join(called)}")
    return held
