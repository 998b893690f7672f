"""The engine: trains all models of a recipe at once, in chunks of stacked models, with early stopping and checkpoints.

It knows no study, data set or objective by name: all of that is in the `Recipe`.
"""

from pyvae.training.cells import Cell, product
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.recipe import Recipe
from pyvae.training.settings import TrainingSettings
from pyvae.training.train import Trained, train

__all__ = ["Cell", "Checkpoints", "Recipe", "Trained", "TrainingSettings", "product", "train"]
