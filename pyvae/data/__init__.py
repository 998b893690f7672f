"""Data sets with known generating factors and named biases, one file each."""

from pyvae.data.block_grid import BlockGrid
from pyvae.data.data_set import DataSet, Draw, Factor
from pyvae.data.sprites import Sprites

__all__ = ["BlockGrid", "DataSet", "Draw", "Factor", "Sprites"]
