"""Do scores of disentanglement agree, and do they matter? Six objectives on sprites, every score on every model."""

from pathlib import Path

from pyvae.studies.agreement.config import PRESETS, AgreementConfig
from pyvae.studies.agreement.evaluate import evaluate
from pyvae.studies.agreement.recipe import recipes
from pyvae.studies.agreement.results import SAVED, load_results, table
from pyvae.studies.study import Study, diverged

__all__ = ["PRESETS", "STUDY", "AgreementConfig"]

# matplotlib is slow to import: only what draws or shows figures asks for it.


def draw(folder: Path) -> None:
    """Draws the figures."""
    from pyvae.studies.agreement.figures.draw import draw as draw_all

    draw_all(folder)


def write_texts(folder: Path) -> Path:
    """Writes findings.md and report.html, and returns the latter's path."""
    from pyvae.studies.agreement.report import write_texts as write_all

    return write_all(folder)


def hopeless(folder: Path) -> str | None:
    """That every model has diverged, where it is so."""
    return diverged(not load_results(folder).finite.any())


def stacks(config: AgreementConfig) -> dict[str, str]:
    """Nothing: `udr` compares a model with the others of its objective, of whatever seeds and strengths a run has."""
    return {}


STUDY = Study(
    name="agreement",
    config=AgreementConfig,
    presets=PRESETS,
    recipes=recipes,
    evaluate=evaluate,
    saved=SAVED,
    draw=draw,
    report=write_texts,
    grows=("beta_vae", "controlled_capacity", "factor_vae", "dip_vae_i", "dip_vae_ii", "beta_tcvae", "seeds"),
    hopeless=hopeless,
    table=table,
    stacks=stacks,
)
