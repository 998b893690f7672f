"""What `benchmarks.collapse` trains: ladders of models, a rung for every beta around the prediction, and their KL.

A rung's KL depends on nothing but what it is of, a ladder, a mu, a beta and a seed: random streams are named by these,
models are trained alike alone and in company, and are measured one by one. So results are the same for any number of
threads, and for any number of rungs that are trained at a time.
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyvae.data import Bias, BlockGrid, DataSet, Draw, Shift, Sprites
from pyvae.losses import BetaVAE, GaussianReconstruction
from pyvae.metrics.estimators.latents import kl_per_latent
from pyvae.nn import StackedVAE
from pyvae.studies.biased_grid.theory import collapse_boundary
from pyvae.training import Cell, Recipe, TrainingSettings
from pyvae.training.cells import held_out_streams
from pyvae.training.chunk import Chunk
from pyvae.training.groups import divide, most_of
from pyvae.training.workers import workers

MUS = (0.0, 1.0, 2.0)
START, RISE = 0.7, 0.3
"""Where a ladder from use begins, over a rung's beta, and the share of steps in which beta becomes the rung's."""
FALL, PIECES = 0.01, 40
"""What the learning rate falls to in the second half of the steps, and in how many pieces a training goes."""
HELD_OUT = 8192
"""Images on which a KL is measured, the same for all rungs of a mu and a seed."""
MLP: tuple[int, ...] = (64,)
PIXELS, NOISE = 49, 0.25
SPRITES = Sprites(sizes=(3, 4, 8, 8, 8), side=16)
SPRITES_VARIANCE, SPRITES_LATENTS, SPRITES_SPACING = 0.25, 12, 1.06

Array = NDArray[np.float64]


class InNoise:
    """A data set's images less a mean and in units of the noise: draws take the cells' mus for a bias."""

    def __init__(self, data: DataSet, variance: float, mean: Callable[[float], float] = lambda mu: 0.0) -> None:
        self._data, self._scale, self._mean = data, variance**-0.5, mean
        self.size, self.streams = data.size, data.streams

    def draw(self, count: int, seeds: Mapping[str, Tensor], mus: Sequence[float]) -> Draw:
        drawn = self._data.draw(count, seeds, [_shift(mu) for mu in mus] if any(mus) else None)
        means = torch.tensor([self._mean(mu) for mu in mus])
        return Draw(drawn.factors, (drawn.images - means[:, None, None]) * self._scale)


@functools.cache
def _shift(mu: float) -> Bias:
    return Bias(Shift("*", mu), name=f"mu {mu:g}")


@functools.cache
def mean_intensity(mu: float) -> float:
    """E sigmoid(z), z ~ N(mu, 1)."""
    z = np.linspace(-9, 9, 4001)
    weight = np.exp(-(z**2) / 2)
    return float(weight @ (1 / (1 + np.exp(-(mu + z)))) / weight.sum())


@dataclass(frozen=True)
class Ladder:
    """A way to train, and rungs for every mu."""

    name: str
    data: InNoise
    latents: int
    hidden: tuple[int, ...]
    rungs: Mapping[float, tuple[float, ...]]
    """By mu: betas in ascending order."""
    predicted: Callable[[float], Sequence[float]]
    """beta_k of every latent at a mu, in descending order."""
    from_use: bool = True
    kl: str = "closed_form"
    batches: int = 1
    """Times as many images per step."""

    def recipe(self, mu: float, seed: int, steps: int, learning_rate: float, batch_size: int) -> Recipe:
        """All rungs of a mu, of one seed."""
        start = START if self.from_use else 2 - START
        return Recipe(
            cells=tuple(Cell(mu, beta, seed) for beta in self.rungs[mu]),
            settings=TrainingSettings(steps=steps, batch_size=self.batches * batch_size, learning_rate=learning_rate),
            data=self.data,
            bias=lambda cells: [cell.bias for cell in cells],
            model=lambda models, seeds: StackedVAE(models, self.data.size, self.hidden, self.latents, seeds=seeds),
            likelihood=GaussianReconstruction(1.0),
            objective=BetaVAE,
            objective_settings={"kl": self.kl, "schedule": f"linear({start:g}, 1, {RISE:.0%})"},
            axes=("mu", "beta"),
        )


def ladders() -> list[Ladder]:
    """All that are trained, the control first."""
    near = {mu: (0.85, 1.03) for mu in MUS}
    means = InNoise(BlockGrid(pixels=1, noise_variance=NOISE / PIXELS), NOISE / PIXELS, mean_intensity)
    images = InNoise(BlockGrid(), NOISE, mean_intensity)
    of_grid = functools.partial(Ladder, latents=9, rungs=_grid_rungs(near), predicted=_of_grid)
    sprites = functools.partial(
        Ladder,
        data=InNoise(SPRITES, SPRITES_VARIANCE),
        latents=SPRITES_LATENTS,
        rungs={0.0: _sprites_rungs()},
        predicted=lambda mu: sprites_prediction(),
    )
    reach = {0.0: (0.85, 1.03), 1.0: (0.85, 1.06), 2.0: (0.85, 1.18)}
    return [
        of_grid("means linear", data=means, hidden=()),
        of_grid("means mlp", data=means, hidden=MLP, rungs=_grid_rungs(reach)),
        of_grid("means mlp four batches", data=means, hidden=MLP, rungs=_grid_rungs(reach), batches=4),
        of_grid("means mlp from collapse", data=means, hidden=MLP, from_use=False),
        of_grid("means mlp one-sample KL", data=means, hidden=MLP, kl="sampled"),
        of_grid("images mlp", data=images, hidden=MLP, rungs=_grid_rungs(reach, 1.02)),
        sprites("sprites linear", hidden=()),
        sprites("sprites mlp", hidden=MLP),
    ]


def _grid_rungs(ranges: Mapping[float, tuple[float, float]], spacing: float = 1.01) -> dict[float, tuple[float, ...]]:
    """By mu: betas from `low` to `high` times the prediction, evenly spaced in the logarithm."""
    return {mu: tuple(collapse_boundary(mu) * r for r in _geometric(*ends, spacing)) for mu, ends in ranges.items()}


def _of_grid(mu: float) -> list[float]:
    return [collapse_boundary(mu)] * 9


def _sprites_rungs() -> tuple[float, ...]:
    """From below the prediction of the sixth latent to above that of the first."""
    predicted = sprites_prediction()
    return tuple(_geometric(0.8 * predicted[5], 1.15 * predicted[0], SPRITES_SPACING))


def _geometric(low: float, high: float, spacing: float) -> list[float]:
    count = math.ceil(math.log(high / low) / math.log(spacing)) + 1
    return [low * spacing**k for k in range(count)]


@functools.cache
def sprites_prediction() -> tuple[float, ...]:
    """beta_k = lambda_k / sigma^2 of sprites, which have no noise, in descending order."""
    images = SPRITES.images(SPRITES.test_factors()).double()
    values = torch.linalg.eigvalsh(torch.cov(images.T, correction=0)).flip(0) / SPRITES_VARIANCE
    return tuple(values[:SPRITES_LATENTS].tolist())


def trained_kl(recipe: Recipe) -> Array:
    """Mean KL of every latent of the trained models on held-out images, the largest first: [cells, latents]."""
    cells, threads = recipe.cells, torch.get_num_threads()
    groups = divide(len(cells), threads, most_of(recipe.model(1, None), "fused"))
    with workers() as pool:
        parts = pool.map(lambda group: _train([cells[k] for k in group], group, recipe), groups)
        return np.concatenate(list(parts))


def _train(cells: Sequence[Cell], places: Sequence[int], recipe: Recipe) -> Array:
    chunk = Chunk.initialised(cells, places, recipe, "fused")
    ends = [recipe.settings.steps * piece // PIECES for piece in range(PIECES + 1)]
    for piece, (first, last) in enumerate(itertools.pairwise(ends)):
        done = (piece + 0.5) / PIECES
        chunk.stepper.learning_rate = recipe.settings.learning_rate * FALL ** max(0.0, 2 * done - 1)
        chunk.run(first, last)
    return _measured(chunk)


@torch.no_grad()
def _measured(chunk: Chunk) -> Array:
    """KL of every latent, the largest first, model after model: products of a stack need not round as those of one."""
    data = chunk.recipe.data
    seeds = held_out_streams(chunk.cells, "collapse", data.streams)
    images = data.draw(HELD_OUT, seeds, chunk.recipe.bias(chunk.cells)).images
    kl = [kl_per_latent(*chunk.model.select([k]).encode(images[k : k + 1]))[0] for k in range(len(chunk.cells))]
    ordered: Array = torch.stack(kl).sort(-1, descending=True).values.double().numpy()
    return ordered
