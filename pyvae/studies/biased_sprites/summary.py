"""findings.md: the answers of a finished study as plain text."""

from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.studies.biased_sprites.findings.answers import findings
from pyvae.studies.biased_sprites.results import Results, load_results


def summary(results: Results) -> str:
    """The questions, their answers and the numbers behind them, as Markdown."""
    config = results.config
    lines = [
        "# Biased sprites: does β, or a penalty on TC alone, buy robustness?",
        "",
        f"{results.models} models, {results.seeds} seed{'' if results.seeds == 1 else 's'}, {config.training.steps} "
        f"steps, preset {config.preset}; computed from results.parquet. A share is recovered information over its "
        "ceiling, on the unbiased test set.",
    ]
    for answer in findings(results):
        lines += ["", f"## {answer.question}", "", answer.short, "", *(f"- {detail}" for detail in answer.details)]
    return "\n".join(lines).rstrip() + "\n"


def write_summary(folder: Path | str) -> Path:
    """Writes folder/findings.md from the folder's results; returns its path.

    Raises FileNotFoundError naming a missing file.
    """
    path = Path(folder) / "findings.md"
    atomic_write_text(path, summary(load_results(folder)))
    return path
