"""Stacked models: K independent networks in one module."""

from pyvae.nn.conv_vae import StackedConvVAE
from pyvae.nn.convolutions import StackedConv2d, StackedConvTranspose2d
from pyvae.nn.discriminator import StackedDiscriminator
from pyvae.nn.hierarchical import HierarchicalOutput, StackedHierarchicalVAE
from pyvae.nn.model import StackedModel, VAEOutput, stack
from pyvae.nn.stacked import StackedLinear
from pyvae.nn.vae import StackedVAE

__all__ = [
    "HierarchicalOutput",
    "StackedConv2d",
    "StackedConvTranspose2d",
    "StackedConvVAE",
    "StackedDiscriminator",
    "StackedHierarchicalVAE",
    "StackedLinear",
    "StackedModel",
    "StackedVAE",
    "VAEOutput",
    "stack",
]
