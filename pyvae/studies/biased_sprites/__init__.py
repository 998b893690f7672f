"""Does β, or a penalty on the total correlation alone, make a VAE robust to biased data? Sprites, and their weights."""

from pathlib import Path

from pyvae.studies.biased_sprites.config import PRESETS, BiasedSpritesConfig
from pyvae.studies.biased_sprites.evaluate import evaluate
from pyvae.studies.biased_sprites.recipe import recipes
from pyvae.studies.biased_sprites.results import SAVED, load_results, table
from pyvae.studies.study import Study, diverged

# matplotlib is slow to import: only what draws or shows figures asks for it.


def draw(folder: Path) -> None:
    """Draws the figures."""
    from pyvae.studies.biased_sprites.figures.draw import draw as draw_all

    draw_all(folder)


def write_texts(folder: Path) -> Path:
    """Writes findings.md and report.html, and returns the latter's path."""
    from pyvae.studies.biased_sprites.report import write_report
    from pyvae.studies.biased_sprites.summary import write_summary

    write_summary(folder)
    return write_report(folder)


def hopeless(folder: Path) -> str | None:
    """That every model has diverged, where it is so."""
    results = load_results(folder)
    return diverged(results.diverged == results.models)


def stacks(config: BiasedSpritesConfig) -> dict[str, str]:
    """No biases: models of all are measured on the rare and frequent images of every one, and those without any belong
    to all of them.
    """
    return {"strengths": "beta", "seeds": "seed"}


STUDY = Study(
    name="biased-sprites",
    config=BiasedSpritesConfig,
    presets=PRESETS,
    recipes=recipes,
    evaluate=evaluate,
    saved=SAVED,
    draw=draw,
    report=write_texts,
    grows=("skews", "correlations", "removals", "strengths", "seeds"),
    hopeless=hopeless,
    table=table,
    stacks=stacks,
)
