"""The fused operations. Every function here is a torch op with autograd, fake, autocast and vmap behaviour."""

from pyvae.ops import flops
from pyvae.ops.gaussian_kl import gaussian_kl
from pyvae.ops.kl_decomposition import KLDecomposition, kl_decomposition
from pyvae.ops.machine import cpu_isa, set_cpu_isa
from pyvae.ops.minibatch_log_density import LogDensity, minibatch_log_density
from pyvae.ops.reparameterize import reparameterize
from pyvae.ops.reparameterize_with_kl import SampleWithKL, reparameterize_with_kl
from pyvae.ops.squared_mmd import squared_mmd
from pyvae.ops.stacked_affine import stacked_affine

flops.register()

__all__ = [
    "KLDecomposition",
    "LogDensity",
    "SampleWithKL",
    "cpu_isa",
    "gaussian_kl",
    "kl_decomposition",
    "minibatch_log_density",
    "reparameterize",
    "reparameterize_with_kl",
    "set_cpu_isa",
    "squared_mmd",
    "stacked_affine",
]
