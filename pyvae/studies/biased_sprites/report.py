"""report.html: one self-contained page about a finished study, made from its folder only."""

import math
from collections.abc import Sequence
from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.report.answer import plus_minus
from pyvae.report.page import definitions, header, page, paragraph, section, table
from pyvae.report.statistics import Interval, t_interval
from pyvae.report.telling import answered, figures, settings
from pyvae.studies.about import read_about, told
from pyvae.studies.biased_sprites.biases import label
from pyvae.studies.biased_sprites.config import KINDS, OBJECTIVE_NAMES, PRESETS, BiasedSpritesConfig, Group
from pyvae.studies.biased_sprites.figures.draw import figures_of
from pyvae.studies.biased_sprites.findings.answers import findings
from pyvae.studies.biased_sprites.measures import SCORES
from pyvae.studies.biased_sprites.results import Results, load_results
from pyvae.studies.biased_sprites.texts import CAPTIONS, DEFINITIONS, FIGURES_OF
from pyvae.studies.command import command_of

TITLE = "Biased sprites: does β, or a penalty on TC alone, buy robustness?"


def write_report(folder: Path | str) -> Path:
    """Writes folder/report.html from the folder's results and figures; returns its path.

    Raises FileNotFoundError naming what is missing, results or a figure.
    """
    folder = Path(folder)
    results = load_results(folder)
    first, *others = findings(results)
    body = [
        header(_facts(results), first.question, first.short, first.details),
        _gallery(folder, results, first.name),
        *(answered(answer, _gallery(folder, results, answer.name)) for answer in others),
        section("All cells", *_cells(results)),
        section("What is what", definitions(DEFINITIONS)),
        section("Settings, and how to reproduce", *_settings(results.config, told(read_about(folder)))),
    ]
    path = folder / "report.html"
    atomic_write_text(path, page(TITLE, body))
    return path


def _facts(results: Results) -> str:
    axes, config = results.config.axes, results.config
    biases = "; ".join(f"{kind.noun} {_listed(config.biases_of(kind))}" for kind in KINDS)
    seeds = f"{results.seeds} seed{'' if results.seeds == 1 else 's'}"
    return (
        f"Biased sprites · {results.models} models of {' and '.join(OBJECTIVE_NAMES)}: {biases}; β in "
        f"{_listed(axes.strengths)}; {seeds}; preset {config.preset}"
    )


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _gallery(folder: Path, results: Results, answer: str) -> str:
    drawn = figures_of(results, folder)
    names = [name for name in FIGURES_OF.get(answer, ()) if name in drawn]
    return figures(folder, {name: _caption(results, name) for name in names}, ("samples",))


def _caption(results: Results, name: str) -> str:
    start, *rest = name.split("_")
    several = results.seeds > 1
    return CAPTIONS[start].format(
        objective=rest[0] if rest else "",
        kind=next((kind.noun for kind in KINDS if kind.name in rest), ""),
        reference=results.reference,
        spread=" Means over seeds and their standard deviation (sd)." if several else "",
        bars=" Bars: 95 % t intervals over seeds." if several else "",
    )


def _cells(results: Results) -> tuple[str, str]:
    """A row for each group of models, bias and β."""
    head = ("objective", "training data", "β", "share recovered", *(name.replace("_", " ") for name in SCORES))
    rows = []
    for group in results.config.groups:
        for bias in (0.0,) if group.kind is None else results.config.biases_of(group.kind):
            measured = [results.share(group, bias), *(results.values(group, bias, name) for name in SCORES)]
            for j, beta in enumerate(results.betas):
                cells = [_shown(t_interval(values[j])) for values in measured]
                rows.append([group.objective, _data(group, bias), f"{beta:g}", *cells])
    several = "± is half the 95 % t interval over seeds. " if results.seeds > 1 else ""
    note = f"{several}On the unbiased test set. results.parquet has every model and every measure."
    return table(head, rows), paragraph(note, "note")


def _data(group: Group, bias: float) -> str:
    if group.kind is None:
        return "unbiased"
    return f"{label(group.kind, bias)}{', weighted' if group.weighted else ''}"


def _shown(interval: Interval) -> str:
    return "-" if math.isnan(interval.mean) else plus_minus(interval)


def _settings(config: BiasedSpritesConfig, about: str) -> tuple[str, ...]:
    return settings(command_of(config, PRESETS), about, config.to_json())
