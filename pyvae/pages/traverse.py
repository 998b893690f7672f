"""`pyvae traverse RUN`: a page of what the models of one run draw."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pyvae.files import atomic_write_text
from pyvae.pages.choice import chosen
from pyvae.pages.frame import LIMITS, checked_path, heading, opened, told_of
from pyvae.pages.progress import PagesProgress
from pyvae.pages.run import Run, open_run
from pyvae.pages.sections import (
    embeddings,
    interpolations,
    latent_map,
    oddest,
    or_sentence,
    reconstructions,
    roc_of_never_drawn,
    samples,
    table_of_models,
    traversals,
)
from pyvae.pages.sheet import How, Sheet
from pyvae.report.page import bullets, page, paragraph, section, subsection
from pyvae.studies import StudyError

AT_MOST = 4
"""Models that are shown where none are asked for."""


def traverse(
    run: Path | str | Run,
    *,
    models: Sequence[str] = (),
    out: Path | str | None = None,
    how: How | None = None,
    console: Console | None = None,
) -> Path:
    """Writes one self-contained page about a run's models and returns its path.

    Args:
        run: the run's folder, of which nothing is changed but that the page comes to lie in it; or models that the
            engine trained (`pyvae.pages.run_of`), which need an `out`.
        models: which, as `pyvae.pages.choice.chosen` takes them; a few that stand for all by default.
        out: the page's path; traverse.html in the run's folder by default.
        how: how many images and points, and the seed. The same run, models and `how` give the same page.
        console: for progress.

    Raises:
        StudyError: for a folder without trained models, for models that it has not, and for an `out` that is none.
    """
    held = run if isinstance(run, Run) else open_run(run)
    how, console = how or How(), console or Console()
    path = checked_path(out if out is not None else _in_folder(held))
    members = chosen(held, models, AT_MOST)
    sheets, material = opened(members, how)
    sound = [sheet for sheet in sheets if not sheet.fault]
    with PagesProgress(console, 1 + len(sound)) as progress:
        progress.next("all models beside each other")
        title = f"What the models of {held.name} draw"
        body = [heading(title, [held], sheets, material, how), section("Models", table_of_models(sheets))]
        if sound:
            body += [
                section("Reconstructions", reconstructions(sound, material)),
                section("Interpolations", interpolations(sound, material)),
                section("Samples of the prior", samples(sound, material)),
                section("Unusual images", oddest(sound, material)),
            ]
        for sheet in sound:
            progress.next(sheet.name)
            body.append(_of_one(sheet))
        body += [told_of(sheets), section("What this page cannot tell", bullets(LIMITS))]
    atomic_write_text(path, page(title, body))
    return path


def _in_folder(run: Run) -> Path:
    if run.folder is None:
        raise StudyError("out must name a file for models that are in no folder, got none")
    return run.folder / "traverse.html"


def _of_one(sheet: Sheet) -> str:
    """The pictures of one model alone."""
    parts = [
        subsection("Traversals", or_sentence(lambda: traversals(sheet))),
        subsection("Where codes lie", or_sentence(lambda: embeddings(sheet))),
        subsection("What latents tell of factors", or_sentence(lambda: latent_map(sheet))),
    ]
    roc = or_sentence(lambda: roc_of_never_drawn(sheet))
    if roc:
        parts.append(subsection("Combinations that training never drew", roc))
    if not sheet.member.deterministic and sheet.active == 0:
        parts.insert(0, paragraph("No latent is active: the model has collapsed, and every code draws about the same."))
    return section(sheet.name, *parts)
