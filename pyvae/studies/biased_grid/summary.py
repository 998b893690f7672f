"""findings.md: the answers of a finished study as plain text, for where a page with pictures is too much."""

from pathlib import Path

from pyvae.files import atomic_write_text
from pyvae.report.answer import counted
from pyvae.report.telling import summary as told
from pyvae.studies.biased_grid.findings.answers import findings
from pyvae.studies.biased_grid.results import Results, load_results
from pyvae.studies.biased_grid.texts import in_symbols


def summary(results: Results) -> str:
    """The questions, their answers and the numbers behind them, as Markdown."""
    config = results.config
    name = config.objective.objective
    objective = "" if name == "beta-vae" else f", objective {name}"
    facts = (
        f"{counted(results.table.num_rows, 'model')}, {counted(len(results.seeds), 'seed')}, "
        f"{counted(config.training.steps, 'step')}, preset {config.preset}{objective}; computed from results.parquet."
    )
    return in_symbols(told("Biased grid data: does β buy robustness?", facts, findings(results)), config.symbol)


def write_summary(folder: Path | str) -> Path:
    """Write folder/findings.md from the folder's results; returns its path.

    Raises FileNotFoundError naming a missing file.
    """
    path = Path(folder) / "findings.md"
    atomic_write_text(path, summary(load_results(folder)))
    return path
