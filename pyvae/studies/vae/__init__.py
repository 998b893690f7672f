"""What does a VAE learn of a data set, and how strongly should it be regularised? One objective, on any data set."""

from pathlib import Path

from pyvae.studies.study import Study, diverged
from pyvae.studies.vae.config import PRESETS, VAEConfig
from pyvae.studies.vae.evaluate import evaluate
from pyvae.studies.vae.recipe import recipes
from pyvae.studies.vae.results import SAVED, load_results, table

# matplotlib is slow to import: only what draws or shows figures asks for it.


def draw(folder: Path) -> None:
    """Draws the figures."""
    from pyvae.studies.vae.figures import draw as draw_all

    draw_all(folder)


def write_texts(folder: Path) -> Path:
    """Writes findings.md and report.html, and returns the latter's path."""
    from pyvae.studies.vae.report import write_texts as write_all

    return write_all(folder)


def hopeless(folder: Path) -> str | None:
    """That every model has diverged, where it is so."""
    return diverged(not load_results(folder).finite.any())


def stacks(config: VAEConfig) -> dict[str, str]:
    """Every model has its own strength and seed, and is measured alone."""
    return {"strengths": config.strength, "seeds": "seed"}


STUDY = Study(
    name="vae",
    config=VAEConfig,
    presets=PRESETS,
    recipes=recipes,
    evaluate=evaluate,
    saved=SAVED,
    draw=draw,
    report=write_texts,
    grows=("strengths", "seeds"),
    hopeless=hopeless,
    table=table,
    stacks=stacks,
)
