"""Does stronger regularisation make a VAE robust to biased training data? Blocks of grey, one bias for each model."""

from collections.abc import Mapping
from pathlib import Path

from pyvae.studies.biased_grid.config import PRESETS, BiasedGridConfig
from pyvae.studies.biased_grid.measure import evaluate_all
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.studies.biased_grid.results import SAVED, load_results, table
from pyvae.studies.study import ALONE, Announce, Study, diverged
from pyvae.training import Recipe, Trained

# matplotlib is slow to import: only what draws or shows figures asks for it.


def recipes(config: BiasedGridConfig) -> dict[str, Recipe]:
    """The only one."""
    return {ALONE: recipe(config)}


def evaluate(groups: Mapping[str, Trained], config: BiasedGridConfig, folder: Path, announce: Announce) -> None:
    """Measures all models."""
    evaluate_all(groups[ALONE], config, folder, announce)


def draw(folder: Path) -> None:
    """Draws the figures."""
    from pyvae.studies.biased_grid.figures.draw import draw as draw_all

    draw_all(folder)


def write_texts(folder: Path) -> Path:
    """Writes findings.md and report.html, and returns the latter's path."""
    from pyvae.studies.biased_grid.report import write_report
    from pyvae.studies.biased_grid.summary import write_summary

    write_summary(folder)
    return write_report(folder)


def hopeless(folder: Path) -> str | None:
    """That every model has diverged, where it is so."""
    return diverged(not load_results(folder).table["finite"].to_numpy().any())


def stacks(config: BiasedGridConfig) -> dict[str, str]:
    """Every model has its own mu, strength and seed, and is measured by streams of these alone."""
    return {"mus": "mu", "strengths": config.strength, "seeds": "seed"}


STUDY = Study(
    name="biased-grid",
    config=BiasedGridConfig,
    presets=PRESETS,
    recipes=recipes,
    evaluate=evaluate,
    saved=SAVED,
    draw=draw,
    report=write_texts,
    grows=("mus", "strengths", "seeds"),
    hopeless=hopeless,
    table=table,
    stacks=stacks,
)
