"""report.html and findings.md of a finished study, from its folder only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyvae.files import atomic_write_text
from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer
from pyvae.report.page import code, definitions, header, page, paragraph, section, table
from pyvae.report.statistics import Interval
from pyvae.report.telling import answered, figures, one_line, settings, summary
from pyvae.studies.about import read_about, told
from pyvae.studies.agreement.config import PRESETS, AgreementConfig
from pyvae.studies.agreement.figures.draw import figures_of
from pyvae.studies.agreement.findings.answers import findings
from pyvae.studies.agreement.findings.variance import PARTS, all_shares
from pyvae.studies.agreement.findings.words import percent
from pyvae.studies.agreement.results import Results, load_results
from pyvae.studies.agreement.texts import (
    CAPTIONS,
    CELLS,
    CONTENT,
    DEFINITIONS,
    DISENTANGLEMENT,
    FIGURES_OF,
    LABELS,
    OBJECTIVES,
    TITLE,
    UDR_ACROSS,
    USE,
    WIDE,
    WITHIN,
)
from pyvae.studies.command import command_of


def write_texts(folder: Path | str) -> Path:
    """Writes findings.md and report.html into the folder and returns the latter's path.

    Raises FileNotFoundError naming what is missing, results or a figure.
    """
    folder = Path(folder)
    results = load_results(folder)
    answers = findings(results)
    facts = f"{_facts(results)}; computed from results.parquet."
    atomic_write_text(folder / "findings.md", summary(TITLE, facts, answers))
    path = folder / "report.html"
    atomic_write_text(path, page(TITLE, _body(folder, results, answers)))
    return path


def _body(folder: Path, results: Results, answers: Sequence[Answer]) -> list[str]:
    first, *others = answers
    why, command = next_step(results)
    return [
        header(_facts(results), first.question, first.short, first.details),
        _gallery(folder, results, first),
        *(_answer(folder, results, answer) for answer in others),
        section("What to try next", paragraph(why), code(command)),
        section("Means of each objective", *_table(results)),
        section("What is what", definitions(_definitions(results.config))),
        section("Settings, and how to reproduce", *_settings(results.config, told(read_about(folder)))),
    ]


def _facts(results: Results) -> str:
    seeds, config = results.seeds, results.config
    return (
        f"{len(results.table)} models of {len(results.groups)} objectives, {seeds} seed{'' if seeds == 1 else 's'}, "
        f"{config.training.steps} steps, preset {config.preset}"
    )


def _answer(folder: Path, results: Results, answer: Answer) -> str:
    shares = _shares(results) if answer.name == "variance" else ""
    return answered(answer, _gallery(folder, results, answer), shares)


def _gallery(folder: Path, results: Results, answer: Answer) -> str:
    drawn, several = figures_of(results), results.config.several_seeds
    words = {"within": WITHIN if several else "", "cells": CELLS[several]}
    names = [name for name in FIGURES_OF.get(answer.name, ()) if name in drawn]
    captions = {name: one_line(CAPTIONS[name]).format(**words).strip() for name in names}
    return figures(folder, captions, WIDE) if captions else ""


def _shares(results: Results) -> str:
    rows = [
        [LABELS[name], *(_share(getattr(one, part)) for part in PARTS)] for name, one in all_shares(results).items()
    ]
    return table(("score", *PARTS), rows) if rows else ""


def _share(interval: Interval) -> str:
    return percent(interval.mean) + (f" ± {percent(interval.half)}" if interval.known else "")


def _table(results: Results) -> tuple[str, str]:
    """The mean of each score over strengths and seeds, for each objective."""
    names = [*DISENTANGLEMENT, *CONTENT, *USE, "udr", "aggregate_total_correlation", "active_latents", "elbo"]
    rows = []
    for i, group in enumerate(results.groups):
        columns = [results.column(name)[results.objective == i] for name in names]
        means = [float(np.nanmean(c)) if not np.isnan(c).all() else None for c in columns]
        rows.append([OBJECTIVES[group], *("-" if mean is None else decimals(mean, 2) for mean in means)])
    note = "Over all strengths and seeds, collapsed models included; results.parquet has every model."
    return paragraph(note, "note"), table(("objective", *(LABELS[name] for name in names)), rows)


def next_step(results: Results) -> tuple[str, str]:
    """What is worth running after this study, in words and as a command."""
    config = results.config
    if not results.finite.any():
        why, changed = (
            "Every model has diverged. Try a smaller learning rate:",
            config.replaced(learning_rate=config.training.learning_rate / 10),
        )
    elif results.seeds < 3:
        why, changed = "Fewer than three seeds have no shares of variance with intervals. Five have:", PRESETS["laptop"]
    else:
        more = tuple(range(2 * results.seeds))
        why, changed = "More seeds narrow what is said of seeds:", config.replaced(seeds=more)
    return why, command_of(changed, PRESETS, out="runs/next")


def _definitions(config: AgreementConfig) -> dict[str, str]:
    words = {
        "disentanglement": ", ".join(DISENTANGLEMENT.values()),
        "content": ", ".join(CONTENT.values()),
        "udr": UDR_ACROSS[config.several_seeds],
        "cells": CELLS[config.several_seeds],
    }
    return {term: one_line(text).format(**words) for term, text in DEFINITIONS.items()}


def _settings(config: AgreementConfig, about: str) -> tuple[str, ...]:
    choices = (
        f"Choices that no source states: strengths for images of this size and {config.training.steps} "
        f"steps, by runs thrown away; MLPs of {', '.join(map(str, config.model.hidden))} units; "
        f"Adam, learning rate {config.training.learning_rate:g}; capacity with γ = {config.choices.capacity_gamma:g}."
    )
    return settings(command_of(config, PRESETS), about, config.to_json(), choices)
