"""Data sets with known generating factors and named biases."""

from pyvae.data.block_grid import BlockGrid

__all__ = ["BlockGrid"]
