"""findings.md: the answers of a finished study as plain text."""

from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.report.telling import summary as told
from pyvae.studies.biased_sprites.findings.answers import findings
from pyvae.studies.biased_sprites.results import Results, load_results


def summary(results: Results) -> str:
    """The questions, their answers and the numbers behind them, as Markdown."""
    config = results.config
    facts = (
        f"{results.models} models, {results.seeds} seed{'' if results.seeds == 1 else 's'}, {config.training.steps} "
        f"steps, preset {config.preset}; computed from results.parquet. A share is recovered information over its "
        "ceiling, on the unbiased test set."
    )
    return told("Biased sprites: does β, or a penalty on TC alone, buy robustness?", facts, findings(results))


def write_summary(folder: Path | str) -> Path:
    """Writes folder/findings.md from the folder's results; returns its path.

    Raises FileNotFoundError naming a missing file.
    """
    path = Path(folder) / "findings.md"
    atomic_write_text(path, summary(load_results(folder)))
    return path
