"""What is measured: ops, sizes, directions, and the inputs that every provider gets."""

from dataclasses import dataclass

import torch
from torch import Tensor

import pyvae

FORWARD, BACKWARD = "forward", "forward + backward"
DIRECTIONS = (FORWARD, BACKWARD)

DENSITY = "minibatch_log_density"
GRIDDED = "minibatch_log_density, gridded"
DENSITIES = (DENSITY, GRIDDED)
REPARAMETERIZE = "reparameterize"
KL = "gaussian_kl"
SAMPLE_WITH_KL = "reparameterize_with_kl"
MOMENTS = "reparameterize_moments"
"""A Posterior's sample and KL from bfloat16 moments: rows are images, latents the numbers of a code's channels."""

DENSITY_ROWS = (64, 256, 1024, 4096, 16384, 65536)
DENSITY_LATENTS = (10, 2, 32, 64, 128)
"""D = 10 first: what its rows cost tells which of the others are affordable."""

GRIDDED_LATENTS = (10, 64)

QUICK_DENSITY = ((64, 10), (256, 10), (1024, 10), (4096, 10), (1024, 64))
ELEMENTWISE = ((64, 10), (1024, 10), (2048, 128), (8192, 512), (65536, 128))
QUICK_GRIDDED = ((4096, 10),)
QUICK_ELEMENTWISE = {REPARAMETERIZE: ((2048, 128),), KL: ((65536, 128),), SAMPLE_WITH_KL: ((2048, 128),)}
"""gaussian_kl at 65536 x 128 reads 64 MiB of mu and logvar."""


@dataclass(frozen=True)
class Case:
    """One op at one size in one direction: M = `rows`, D = `latents`."""

    op: str
    rows: int
    latents: int
    direction: str

    def __str__(self) -> str:
        return f"{self.op} {self.label}"

    @property
    def label(self) -> str:
        """Size and direction."""
        return f"{self.rows}x{self.latents} {self.direction}"

    @property
    def backward(self) -> bool:
        return self.direction == BACKWARD

    @property
    def terms(self) -> int:
        """Terms the op is made of: M M D for the density of pairs, M D for an elementwise op."""
        return self.rows * self.latents * (self.rows if self.op in DENSITIES else 1)


def ops() -> list[str]:
    """The ops to measure; one that this version of pyvae lacks is left out."""
    return [DENSITY, GRIDDED, REPARAMETERIZE, KL] + ([SAMPLE_WITH_KL] if hasattr(pyvae, SAMPLE_WITH_KL) else [])


def quick_cases() -> list[Case]:
    """The two-minute version."""
    sizes = {DENSITY: QUICK_DENSITY, GRIDDED: QUICK_GRIDDED, **QUICK_ELEMENTWISE}
    return [Case(op, *size, direction) for op in ops() for size in sizes[op] for direction in DIRECTIONS]


def full_cases(op: str) -> list[Case]:
    """Every size of one op; sizes of one D ascend in M, as the forecasts of cost need it."""
    if op in DENSITIES:
        every = DENSITY_LATENTS if op == DENSITY else GRIDDED_LATENTS
        sizes = [(rows, latents) for latents in every for rows in DENSITY_ROWS]
    else:
        sizes = list(ELEMENTWISE)
    return [Case(op, *size, direction) for size in sizes for direction in DIRECTIONS]


def inputs(case: Case, device: str = "cpu") -> list[Tensor]:
    """float32 leaves as a trained encoder gives them, sigma around 0.37, drawn there from a fixed seed.

    (z, mu, logvar) for the density, (mu, logvar) for the other ops, each [M, D]; for packed moments [M, 2 D].
    """
    generator = torch.Generator(device).manual_seed(0)
    shape = (case.rows, case.latents)
    mu, spread, eps = (torch.randn(shape, generator=generator, device=device) for _ in range(3))
    logvar = 0.5 * spread - 2
    if case.op == MOMENTS:
        return [torch.cat([mu, logvar], 1).bfloat16().requires_grad_(case.backward)]
    tensors = [mu + torch.exp(0.5 * logvar) * eps, mu, logvar] if case.op in DENSITIES else [mu, logvar]
    return [tensor.requires_grad_(case.backward) for tensor in tensors]
