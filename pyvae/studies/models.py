"""The trained models of a run, for whoever wants to use them."""

from pathlib import Path

from pyvae.studies.errors import StudyError
from pyvae.studies.folder import checkpoints_in, study_in
from pyvae.training import Trained
from pyvae.training.cohorts import restored_all


def load_models(folder: Path | str) -> Trained:
    """The models that a run in `folder` trained, as one stack, with the cell that each belongs to.

    Reads config.json and the newest intact checkpoint, writes nothing, and may be called while the run goes on: then
    the models are those of its last checkpoint, and `steps` says how far they are.

    Returns:
        Trained: `model`, a pyvae.nn.StackedVAE of K models; `cells`, their K biases, strengths and seeds in the same
        order; `steps` and `best_step`, int64 [K]; `curves`. With patience the parameters are each model's best.

    Raises:
        StudyError: for a folder that holds no study, or none that has trained yet, or one that cannot be read.
        CheckpointError: where every checkpoint is damaged.

    Example:
        >>> trained = load_models("runs/biased-grid-quick")            # doctest: +SKIP
        >>> strong = [k for k, cell in enumerate(trained.cells) if cell.strength == 10]   # doctest: +SKIP
        >>> mu, logvar = trained.model.select(strong).encode(images)   # doctest: +SKIP
    """
    folder = Path(folder)
    held = study_in(folder)
    if held is None:
        raise StudyError(f"folder must hold a study, but {folder} has no config.json")
    study, config = held
    trained = restored_all(study.recipe(config), checkpoints_in(folder))
    if trained is None:
        raise StudyError(f"folder must hold trained models, but the study in {folder} has no checkpoint yet")
    return trained
