"""report.html and findings.md: a finished vae study told from its folder only."""

from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.report.answer import Answer
from pyvae.report.page import code, definitions, header, page, paragraph, section, table
from pyvae.report.telling import answered, figures, one_line, settings, summary
from pyvae.studies.about import read_about, told
from pyvae.studies.command import command_of
from pyvae.studies.vae.config import PRESETS
from pyvae.studies.vae.findings import findings, label
from pyvae.studies.vae.findings import told as told_values
from pyvae.studies.vae.results import Results, load_results
from pyvae.studies.vae.texts import CAPTIONS, COLUMNS, DEFINITIONS, FIGURES_OF, TITLE, WIDE
from pyvae.studies.vae.training import LONGER, too_short


def write_texts(folder: Path | str) -> Path:
    """Writes folder/findings.md and folder/report.html, and returns the latter's path.

    Raises FileNotFoundError naming what is missing.
    """
    folder = Path(folder)
    results = load_results(folder)
    answers = findings(results)
    facts = f"{_facts(results)}; computed from results.parquet."
    atomic_write_text(folder / "findings.md", summary(TITLE, facts, answers))
    first, *others = answers
    body = [
        header(_facts(results), first.question, first.short, first.details),
        _gallery(folder, first),
        *(answered(answer, _gallery(folder, answer)) for answer in others),
        section("What to try next", *_next(results)),
        section("All strengths", *_table(results)),
        section("What is what", definitions({term: one_line(text) for term, text in DEFINITIONS.items()})),
        section(
            "Settings, and how to reproduce",
            *settings(command_of(results.config, PRESETS), told(read_about(folder)), results.config.to_json()),
        ),
    ]
    path = folder / "report.html"
    atomic_write_text(path, page(TITLE, body))
    return path


def _facts(results: Results) -> str:
    config, seeds, strengths = results.config, len(results.seeds), ", ".join(f"{s:g}" for s in results.strengths)
    models = results.table.num_rows
    return (
        f"{models} model{'' if models == 1 else 's'} of {config.data.data}: {config.objective.objective}, "
        f"{config.strength_in_words} {strengths}; {seeds} seed{'' if seeds == 1 else 's'}, {config.training.steps} "
        f"steps, preset {config.preset}"
    )


def _gallery(folder: Path, answer: Answer) -> str:
    """Those figures that could be drawn: there is none of scores that nobody asked for."""
    drawn = [name for name in FIGURES_OF.get(answer.name, ()) if (folder / "figures" / f"{name}.png").is_file()]
    return figures(folder, {name: one_line(CAPTIONS[name]) for name in drawn}, WIDE) if drawn else ""


def _table(results: Results) -> tuple[str, str]:
    columns = [*COLUMNS, *results.asked]
    values = {name: results.values(name) for name in columns}
    rows = [
        [f"{strength:g}", *(told_values(values[name][i], name) for name in columns)]
        for i, strength in enumerate(results.strengths)
    ]
    note = "Means over seeds, on test images. results.parquet has every model, scores.parquet every interval."
    return table((results.config.symbol, *map(label, columns)), rows), paragraph(note, "note")


def _next(results: Results) -> tuple[str, str]:
    """What is worth running after this study, in words and as a command."""
    config = results.config
    changes: dict[str, object] = {"seeds": tuple(range(max(3, 2 * len(results.seeds))))}
    if not results.finite.any():
        changes = {"learning_rate": config.training.learning_rate / 10}
        why = "Every model has diverged. Try a smaller learning rate:"
    elif len(results.seeds) == 1:
        why = "Several seeds give intervals:"
    elif too_short(config, results.curves):
        changes, why = {"steps": LONGER * config.training.steps}, "Training may have been too short. Longer:"
    else:
        why = "More seeds tell strengths apart that these do not:"
    return paragraph(why), code(command_of(config.replaced(**changes), PRESETS, "runs/next"))
