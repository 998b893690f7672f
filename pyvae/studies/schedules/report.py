"""report.html and findings.md: a finished schedules study told from its folder only."""

from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.losses import normalised_beta
from pyvae.plotting.numbers import decimals
from pyvae.report.answer import Answer, counted
from pyvae.report.page import code, definitions, header, page, paragraph, section, table
from pyvae.report.statistics import t_interval
from pyvae.report.telling import answered, figures, one_line, settings, summary
from pyvae.studies.about import read_about, told
from pyvae.studies.command import command_of
from pyvae.studies.schedules.config import PRESETS
from pyvae.studies.schedules.findings.answers import findings
from pyvae.studies.schedules.results import Arm, Results, load_results
from pyvae.studies.schedules.runs import RUNS, SOURCE_NUMBERS
from pyvae.studies.schedules.texts import CAPTIONS, COLUMNS, DEFINITIONS, FIGURES_OF, TITLE


def write_texts(folder: Path | str) -> Path:
    """Writes folder/findings.md and folder/report.html, and returns the latter's path.

    Raises FileNotFoundError naming what is missing, results or a figure.
    """
    folder = Path(folder)
    results = load_results(folder)
    answers = findings(results)
    facts = f"{_facts(results)}; computed from results.parquet and curves.parquet."
    atomic_write_text(folder / "findings.md", summary(TITLE, facts, answers))
    first, *others = answers
    body = [
        header(_facts(results), first.question, first.short, first.details),
        _gallery(folder, first),
        *(answered(answer, _gallery(folder, answer)) for answer in others),
        section("What to try next", paragraph(_next(results)[0]), code(_next(results)[1])),
        section("All runs", *_table(results)),
        section("What is what", definitions({term: one_line(text) for term, text in DEFINITIONS.items()})),
        section("Settings, and how to reproduce", *_settings(folder, results)),
    ]
    path = folder / "report.html"
    atomic_write_text(path, page(TITLE, body))
    return path


def _facts(results: Results) -> str:
    config = results.config
    return (
        f"β schedules · {counted(results.table.num_rows, 'model')} of {config.data.data}: the source's runs at "
        f"{counted(config.training.steps, 'step')}, β times {config.axes.scale:.3g}; "
        f"{counted(len(results.seeds), 'seed')}; preset {config.preset}"
    )


def _gallery(folder: Path, answer: Answer) -> str:
    return figures(folder, {name: one_line(CAPTIONS[name]) for name in FIGURES_OF.get(answer.name, ())})


def _next(results: Results) -> tuple[str, str]:
    """What is worth running after this study, in words and as a command."""
    config = results.config
    if not any(results.known(arm).any() for arm in results.arms):
        rate = config.training.learning_rate / 10
        return "Every model has diverged. Try a smaller learning rate:", _command(results, learning_rate=rate)
    if len(results.seeds) == 1:
        return "One seed gives readings. Three give intervals:", _command(results, seeds=(0, 1, 2))
    if config.axes.scale == 1 and results.numbers != SOURCE_NUMBERS:
        scale = results.numbers / SOURCE_NUMBERS
        return "Does it look otherwise at the source's β for each number of an image?", _command(results, scale=scale)
    steps = 10 * config.training.steps
    return "Does a falling β end elsewhere given more time? Ten times the steps:", _command(results, steps=steps)


def _command(results: Results, **changes: object) -> str:
    return command_of(results.config.replaced(**changes), PRESETS, "runs/next")


def _table(results: Results) -> tuple[str, str]:
    latents, first = results.config.model.latents, float(results.collapse_betas[0])
    head = (
        "run",
        "steps",
        "β × latents / numbers",
        "β / 2λ_1",
        *(heading for heading, _, _ in COLUMNS),
        "source: KL",
        "deviation",
    )
    rows = []
    for arm in results.arms:
        scales = (normalised_beta(arm.beta, latents=latents, inputs=results.numbers), arm.beta / first)
        measures = [_cell(results, arm, column, digits) for _, column, digits in COLUMNS]
        read = ("-", "-") if arm.read is None else (f"{arm.read.kl:g}", f"{arm.read.std:g}")
        steps = RUNS[arm.group].steps(results.config.training.steps)
        rows.append([arm.name, str(steps), *(f"{scale:.3g}" for scale in scales), *measures, *read])
    interval = ""
    if len(results.seeds) > 1:
        interval = " ± is half the 95 % t interval over seeds; without it all seeds give the same."
    note = (
        f"Measured on test images at the end of training.{interval} Of schedules β is the last one. source: read off "
        "its plots at the end of training, on other images. results.parquet has every model."
    )
    return table(head, rows), paragraph(note, "note")


def _cell(results: Results, arm: Arm, column: str, digits: int) -> str:
    interval = t_interval(results.values(arm, column))
    if interval.seeds == 0:
        return "-"
    mean = decimals(interval.mean, digits)
    told = f"{mean} ± {decimals(interval.half, digits)}" if interval.known else mean
    fewer = interval.seeds < len(results.seeds)
    return f"{told} ({interval.seeds} of {len(results.seeds)} seeds)" if fewer else told


def _settings(folder: Path, results: Results) -> tuple[str, ...]:
    config, about = results.config, told(read_about(folder))
    formulas = "; ".join(f"{run.name}: {run.source}" for run in RUNS.values() if run.source)
    choices = (
        f"The source's schedules, t being its step: {formulas}. It does not say how long its runs at a constant β were:"
        " as long as the others here. Schedules keep their share of the run, whatever its length."
    )
    return settings(command_of(config, PRESETS), about, config.to_json(), choices)
