"""report.html: one self-contained page about a finished study, made from its folder only:
`write_report(folder)`.

Answers in words come first, then the figures, the table, the definitions, the settings. Pictures are inline,
nothing is loaded from elsewhere, so the page opens from disk and can be sent as one file.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyvae.files import atomic_write_text
from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted, plus_minus
from pyvae.report.page import code, definitions, header, page, paragraph, section, table
from pyvae.report.statistics import Interval
from pyvae.report.telling import answered, figures, one_line, settings
from pyvae.studies.about import read_about, told
from pyvae.studies.biased_grid.config import PRESETS, BiasedGridConfig
from pyvae.studies.biased_grid.figures.draw import figures_of
from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.findings.comparison import robustness, verdict
from pyvae.studies.biased_grid.findings.training import longer, may_be_too_short, more_seeds
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.biased_grid.results import Array, Results, followed, load_results
from pyvae.studies.biased_grid.texts import (
    ACTIVE,
    CAPTIONS,
    COLUMNS,
    DEFINITIONS,
    FIGURES_OF,
    FURTHER_FIGURES,
    in_symbols,
)
from pyvae.studies.command import command_of

SPREAD = "Means over seeds and their standard deviation (sd)."
"""What heat maps and the table of all cells print; intervals stand everywhere else."""
WIDE = ("samples_clean", "samples_noised", "generated")
"""Figures that need the whole width; two of the others stand side by side where there is room."""


def write_report(folder: Path | str) -> Path:
    """Write folder/report.html from the folder's results and figures; returns its path.

    Raises FileNotFoundError naming what is missing, results or a figure.
    """
    folder = Path(folder)
    results = load_results(folder)
    first, *others = findings(results)
    body = [
        _head(results, first),
        _gallery(folder, results, FIGURES_OF.get(first.name, ())),
        *_robustness_table(results),
        *(answered(answer, _gallery(folder, results, FIGURES_OF.get(answer.name, ()))) for answer in others),
        _next_section(results),
        *(section(title, _gallery(folder, results, names)) for title, names in FURTHER_FIGURES.items()),
        section("All cells", *_results_table(results)),
        section("What is what", definitions(_definitions(results.config))),
        section("Settings, and how to reproduce", *_settings(results.config, told(read_about(folder)))),
    ]
    path = folder / "report.html"
    text = page("Biased grid data: does β buy robustness?", body)
    atomic_write_text(path, in_symbols(text, results.config.symbol))
    return path


def _next_section(results: Results) -> str:
    why, command = next_step(results)
    return section("What to try next", paragraph(why), code(command))


def next_step(results: Results) -> tuple[str, str]:
    """What is worth running after this study, in words and as a command."""
    config = results.config
    if not results.table["finite"].to_numpy().any():
        return "Every model has diverged. Try a smaller learning rate:", _next(
            config, learning_rate=config.training.learning_rate / 10
        )
    if recipe(config).warning:
        return "Training ended before β had its value. More steps take it there:", _next(
            config, steps=longer(config.replaced(steps=recipe(config).settled_after))
        )
    if len(results.seeds) == 1:
        return "One seed gives readings. Three give intervals:", _next(config, seeds=(0, 1, 2))
    if config.varies_beta and recipe(config).settled_after == 0:
        return "Latents may have collapsed before they learned anything. A ramp lets them:", _next(
            config, warmup_steps=config.training.steps // 3
        )
    if verdict(results).open and may_be_too_short(config):
        return "The question is open, and training may have been too short. Longer:", _next(
            config, steps=longer(config)
        )
    if config.objective.objective == "beta-vae":
        return "Does a penalty on the total correlation alone answer differently?", _next(
            config, objective="beta-tcvae"
        )
    return "More seeds narrow the intervals:", _next(config, seeds=more_seeds(config))


def _next(config: BiasedGridConfig, **changes: Any) -> str:
    return reproduce_command(config.replaced(**changes), out="runs/next")


def reproduce_command(config: BiasedGridConfig, out: str = "DIR") -> str:
    """The command line that gives this config."""
    return command_of(config, PRESETS, out)


def _head(results: Results, answer: Answer) -> str:
    facts = (
        f"Biased grid data · {counted(results.table.num_rows, 'model')}: μ in {_list(results.mus)}; β in "
        f"{_list(results.betas)}; {counted(len(results.seeds), 'seed')}; preset {results.config.preset}"
    )
    return header(facts, answer.question, answer.short, answer.details)


def _gallery(folder: Path, results: Results, names: Sequence[str]) -> str:
    drawn = figures_of(results.config)
    return figures(folder, {name: _caption(results, name) for name in names if name in drawn}, WIDE)


def _definitions(config: BiasedGridConfig) -> dict[str, str]:
    """Those that speak of these models: theory's is of a β."""
    return {term: one_line(text) for term, text in DEFINITIONS.items() if config.varies_beta or "β*" not in term}


def _caption(results: Results, name: str) -> str:
    several, config = len(results.seeds) > 1, results.config
    latents = counted(config.model.latents, "latent")
    return one_line(CAPTIONS[name]).format(
        bands="Bands: 95 % t intervals over seeds; they may leave the frame. " if several else "",
        mean=", mean over seeds" if several else "",
        active=ACTIVE[results.active_by],
        linear=f"Dotted: what the best linear VAE of {latents} would recover." if results.draws_linear_theory else "",
        line=" The line is where linear theory predicts collapse." if results.config.theory_holds else "",
        spread=f" {SPREAD}" if several else "",
        seed=f" Of seed {results.config.axes.seeds[0]} only: other seeds may look otherwise." if several else "",
        noise="Pixel noise alone: the objective if every block were known and the code cost nothing.",
        kl=followed(config).replace("_", " ") if followed(config) != "kl" else "KL",
        ramp=f" {_change(config)}, and what it weighs changes with it." if _change(config) else "",
    )


def _change(config: BiasedGridConfig) -> str:
    """How the strength changes with the step, as half a sentence; empty where it does not."""
    options = config.objective.options
    if options["warmup_steps"]:
        return f"β rises from 0 to its value in the first {options['warmup_steps']} steps"
    return f"β follows the schedule {options['schedule']}" if recipe(config).settled_after else ""


def _robustness_table(results: Results) -> tuple[str, str]:
    reference = f"β = {results.reference:g}"
    head = (
        "β",
        "mean share",
        "slope against μ",
        f"slope minus that of {reference}, all μ",
        "μ in use",
        "shared μ",
        f"slope minus that of {reference}, shared μ",
        f"share minus that of {reference}, shared μ",
    )
    rows = []
    for row in robustness(results):
        level, counts = [row.share, row.slope, row.slope_gain], [str(row.in_use), str(len(row.shared))]
        gains = [row.shared_slope_gain, row.shared_share_gain]
        rows.append([f"{row.strength:g}", *map(_interval, level), *counts, *map(_interval, gains)])
    note = (
        "Share: recovered information over the ceiling. Slopes are per unit of μ. In use: an active latent in every "
        "seed; shared: in use at this β and at the reference."
    )
    interval = " ± is half the 95 % t interval over seeds." if len(results.seeds) > 1 else ""
    return table(head, rows), paragraph(note + interval, "note")


def _results_table(results: Results) -> tuple[str, str]:
    columns = [column for column in COLUMNS if column[1] in results.table.column_names]
    grids = [(results.grid(column), digits) for _, column, digits in columns]
    rows = []
    for i, j in np.ndindex(len(results.mus), len(results.betas)):
        cells = [_cell(values[i, j], digits) for values, digits in grids]
        rows.append([f"{results.mus[i]:g}", f"{results.betas[j]:g}", *cells])
    spread = f"{SPREAD} " if len(results.seeds) > 1 else ""
    note = f"{spread}results.parquet has every model and every measure."
    return table(("μ", "β", *(heading for heading, _, _ in columns)), rows), paragraph(note, "note")


def _cell(values: Array, digits: int) -> str:
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return "-"
    mean = decimals(float(present.mean()), digits)
    return mean if len(present) == 1 else f"{mean} (sd {decimals(float(present.std(ddof=1)), digits)})"


def _interval(interval: Interval) -> str:
    return "-" if math.isnan(interval.mean) else plus_minus(interval)


def _settings(config: BiasedGridConfig, about: str) -> tuple[str, ...]:
    choices = (
        f"The source states {PRESETS['seed'].evaluation.projection_epochs} epochs for its projection and not the rest. "
        f"Chosen here: Adam, learning rate {config.evaluation.projection_learning_rate:g}, batch "
        f"{config.evaluation.projection_batch_size}, {config.evaluation.projection_epochs} epochs, weights from zero."
    )
    return settings(reproduce_command(config), about, config.to_json(), choices)


def _list(values: Array) -> str:
    return ", ".join(f"{value:g}" for value in values)
