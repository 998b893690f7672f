"""Data sets with known generating factors and named biases, one file each."""

from pyvae.data.arrays import Arrays
from pyvae.data.bias import (
    Bias,
    Correlate,
    FactorTable,
    Remove,
    Resample,
    Shift,
    Skew,
    effective_sample_size,
    stacked_log_weights,
)
from pyvae.data.block_grid import BlockGrid
from pyvae.data.cars3d import Cars3D
from pyvae.data.celeba import CelebA
from pyvae.data.data_set import DataSet, Draw, Factor
from pyvae.data.digits import Digits
from pyvae.data.dsprites import DSprites
from pyvae.data.image_folder import ImageFolder
from pyvae.data.image_table import ImageGrid, ImageTable
from pyvae.data.mpi3d import MPI3D
from pyvae.data.registry import DATA_SETS, named
from pyvae.data.shapes3d import Shapes3D
from pyvae.data.small_norb import SmallNORB
from pyvae.data.sprites import Sprites

__all__ = [
    "DATA_SETS",
    "MPI3D",
    "Arrays",
    "Bias",
    "BlockGrid",
    "Cars3D",
    "CelebA",
    "Correlate",
    "DSprites",
    "DataSet",
    "Digits",
    "Draw",
    "Factor",
    "FactorTable",
    "ImageFolder",
    "ImageGrid",
    "ImageTable",
    "Remove",
    "Resample",
    "Shapes3D",
    "Shift",
    "Skew",
    "SmallNORB",
    "Sprites",
    "effective_sample_size",
    "named",
    "stacked_log_weights",
]
