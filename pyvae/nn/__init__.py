"""Stacked models: K independent networks in one module."""

from pyvae.nn.stacked import StackedLinear
from pyvae.nn.vae import StackedVAE, stack

__all__ = ["StackedLinear", "StackedVAE", "stack"]
