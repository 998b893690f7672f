"""Data sets by their names in text, as the settings of a study have them."""

import inspect
from pathlib import Path
from typing import Any

from pyvae.data.arguments import shown
from pyvae.data.arrays import Arrays
from pyvae.data.block_grid import BlockGrid
from pyvae.data.cars3d import Cars3D
from pyvae.data.celeba import CelebA
from pyvae.data.data_set import DataSet
from pyvae.data.digits import Digits
from pyvae.data.dsprites import DSprites
from pyvae.data.image_folder import ImageFolder
from pyvae.data.mpi3d import MPI3D
from pyvae.data.shapes3d import Shapes3D
from pyvae.data.small_norb import SmallNORB
from pyvae.data.sprites import Sprites

DATA_SETS: dict[str, type[DataSet]] = {
    "arrays": Arrays,
    "block-grid": BlockGrid,
    "cars3d": Cars3D,
    "celeba": CelebA,
    "digits": Digits,
    "dsprites": DSprites,
    "image-folder": ImageFolder,
    "mpi3d": MPI3D,
    "shapes3d": Shapes3D,
    "small-norb": SmallNORB,
    "sprites": Sprites,
}
_OF_FILES = ("path", "images")
"""What the first argument of those that read files is called."""


def reads_files(name: str) -> bool:
    """Whether the data set of a name in DATA_SETS is read from a file or folder."""
    return next(iter(inspect.signature(DATA_SETS[name]).parameters), None) in _OF_FILES


def named(name: str, path: Path | str | None = None, **settings: Any) -> DataSet:
    """The data set of a name in DATA_SETS, from its file or folder if it has one, with settings of its own.

    Raises ValueError for an unknown name, a setting that it has not, and a path too many or too few; and what the data
    set raises.
    """
    if not isinstance(name, str) or name not in DATA_SETS:
        raise ValueError(f"name must be one of {', '.join(DATA_SETS)}, got {shown(name)}")
    kind, of_file = DATA_SETS[name], reads_files(name)
    parameters = list(inspect.signature(kind).parameters)
    if of_file != (path is not None):
        raise ValueError(f"path must {'be' if of_file else 'not be'} given for {name}, got {path}")
    known = parameters[1:] if of_file else parameters
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"settings of {name} must be among {', '.join(known) or 'none'}, got {', '.join(unknown)}")
    return kind(path, **settings) if of_file else kind(**settings)  # type: ignore[call-arg]
