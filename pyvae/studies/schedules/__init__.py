"""How does β's schedule change what a VAE ends with? The eight runs of the study's source, on any data set."""

from pathlib import Path

from pyvae.studies.schedules.config import PRESETS, SchedulesConfig
from pyvae.studies.schedules.evaluate import evaluate
from pyvae.studies.schedules.recipe import recipes
from pyvae.studies.schedules.results import SAVED, load_results, table
from pyvae.studies.study import Study, diverged

# matplotlib is slow to import: only what draws or shows figures asks for it.


def draw(folder: Path) -> None:
    """Draws the figures."""
    from pyvae.studies.schedules.figures import draw as draw_all

    draw_all(folder)


def write_texts(folder: Path) -> Path:
    """Writes findings.md and report.html, and returns the latter's path."""
    from pyvae.studies.schedules.report import write_texts as write_all

    return write_all(folder)


def hopeless(folder: Path) -> str | None:
    """That every model has diverged, where it is so."""
    return diverged(not load_results(folder).table["finite"].to_numpy(zero_copy_only=False).any())


def stacks(config: SchedulesConfig) -> dict[str, str]:
    """No betas: the models of the schedules, which are in every run, have none of them."""
    return {"seeds": "seed"}


STUDY = Study(
    name="schedules",
    config=SchedulesConfig,
    presets=PRESETS,
    recipes=recipes,
    evaluate=evaluate,
    saved=SAVED,
    draw=draw,
    report=write_texts,
    grows=("betas", "seeds"),
    hopeless=hopeless,
    table=table,
    stacks=stacks,
)
