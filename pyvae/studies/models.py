"""The trained models of a run, for whoever wants to use them."""

from pathlib import Path

from pyvae.studies.errors import StudyError
from pyvae.studies.folder import checkpoints_in, study_in
from pyvae.training import Trained
from pyvae.training.cohorts import restored_all


def load_models(folder: Path | str, group: str | None = None) -> Trained:
    """The models that a run in `folder` trained, as one stack, with the cell that each belongs to.

    Reads config.json and the newest intact checkpoint, writes nothing, and may be called while the run goes on: then
    the models are those of its last checkpoint, and `steps` says how far they are.

    Args:
        folder: of the run.
        group: which of its groups of models, in a study that has several, such as one for each objective.

    Returns:
        Trained: `model`, a pyvae.nn.StackedVAE of K models; `cells`, their K biases, strengths and seeds in the same
        order; `steps` and `best_step`, int64 [K]; `curves`. With patience the parameters are each model's best.

    Raises:
        StudyError: for a folder that holds no study, or none that has trained yet, or one that cannot be read; for a
            group that it has not, and for none named where there are several.
        CheckpointError: where every checkpoint is damaged.

    Example:
        >>> trained = load_models("runs/biased-grid-quick")            # doctest: +SKIP
        >>> strong = [k for k, cell in enumerate(trained.cells) if cell.strength == 10]   # doctest: +SKIP
        >>> mu, logvar = trained.model.select(strong).encode(images)   # doctest: +SKIP
    """
    groups = load_groups(folder)
    if group is None and len(groups) == 1:
        return next(iter(groups.values()))
    if group not in groups:
        raise StudyError(f"group must be one of {', '.join(groups)}, got {group}")
    return groups[group]


def load_groups(folder: Path | str) -> dict[str, Trained]:
    """The models of every group that has a checkpoint, as `load_models` gives those of one, by the groups' names.

    A study with one group calls it "".

    Raises what `load_models` raises.
    """
    folder = Path(folder)
    held = study_in(folder)
    if held is None:
        raise StudyError(f"folder must hold a study, but {folder} has no config.json")
    study, config = held
    found = {
        group: restored_all(recipe, checkpoints_in(folder, group)) for group, recipe in study.recipes(config).items()
    }
    trained = {group: models for group, models in found.items() if models is not None}
    if not trained:
        raise StudyError(f"folder must hold trained models, but the study in {folder} has no checkpoint yet")
    return trained
