"""Where latents collapse: the beta at which each latent of a VAE falls out of use, beside beta_k = lambda_k / sigma^2.

    python -m benchmarks.collapse                         # collapse.json
    python -m benchmarks.collapse --only "means linear"   # one part; of the others collapse.json keeps what it has
    python -m benchmarks.collapse --steps 3000 --out /tmp/try

Linear theory (pyvae/studies/biased_grid/theory.py) has the k-th latent of a Gaussian VAE in use while
beta < lambda_k / sigma^2, lambda_k being the k-th eigenvalue of the images' covariance, noise included. On the grid all
nine are 1 + 49 Var(sigmoid(z)) / 0.25. one_block.py has what the best nonlinear VAE does.

A ladder is a stack of models, a rung each: betas around the prediction, 1 % apart (2 % with the grid's images, 6 % with
sprites), all trained alike. Bisection would need round after round, each as long, and one verdict made too early would
mislead all that follow; of a ladder the whole curve KL_k(beta) is seen, which linear theory has at
log(beta_k / beta) / 2. The closer models are to the boundary, the longer they take (critical slowing down). So no rung
starts from nothing: "from use" trains at 0.7 beta first, where every latent is in use, and raises beta to the rung's
in the first third of the steps; "from collapse" starts at 1.3 beta and lowers it. Where solutions are unique both end
alike; where they do not, there are two of them, or training was too short. In the second half of the steps the learning
rate falls to a hundredth: what Adam's restlessness adds to a KL, or takes from it, goes with it.

Images come in units of their noise and without their mean, which changes no optimum: at mu = 2 a mean image of 0.86
moves every code by as much as the blocks do, with each step of Adam. "means" are 9 numbers, those of the blocks, whose
other 48 directions hold noise alone: the same boundary at less work; "images" are all 441 pixels.

A latent collapses where its KL, followed upwards in beta, is 0: by a line in log beta through the last FITTED rungs at
which it is above IN_USE nats, no farther than what linear theory has to the first one at which it is not. Nearer to the
boundary the KL is what is left of the start. The KL of the best VAE is read alike.

A few rungs are trained at a time and kept: a run that is killed goes on with the next ones.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from benchmarks.one_block import transition
from benchmarks.script import begin, parser_of
from pyvae.data import Bias, BlockGrid, DataSet, Draw, Shift, Sprites
from pyvae.losses import BetaVAE, GaussianReconstruction
from pyvae.metrics.latents import kl_per_latent
from pyvae.nn import StackedVAE
from pyvae.studies.biased_grid.theory import collapse_boundary
from pyvae.training import Cell, Recipe, TrainingSettings
from pyvae.training.chunk import Chunk
from pyvae.training.groups import divide, most_of
from pyvae.training.workers import workers

NAME, BEST = "collapse.json", "best block"
MUS = (0.0, 1.0, 2.0)
IN_USE, FITTED = 0.02, 6
"""Nats above which training has settled, 4 % below the boundary by linear theory; rungs of the line to 0."""
START, RISE = 0.7, 0.3
"""Where a ladder from use begins, over a rung's beta, and the share of steps in which beta becomes the rung's."""
FALL, PIECES = 0.01, 40
"""What the learning rate falls to in the second half of the steps, and in how many pieces a training goes."""
AT_ONCE = 8
"""Rungs."""
HELD_OUT = 8192
"""Images on which a KL is measured."""
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

    def recipe(self, mu: float, steps: int, learning_rate: float, batch_size: int) -> Recipe:
        start = START if self.from_use else 2 - START
        return Recipe(
            cells=tuple(Cell(mu, beta, 0) for beta in self.rungs[mu]),
            settings=TrainingSettings(steps=steps, batch_size=self.batches * batch_size, learning_rate=learning_rate),
            data=self.data,
            bias=lambda cells: [cell.bias for cell in cells],
            model=lambda models, seeds: StackedVAE(models, self.data.size, self.hidden, self.latents, seeds=seeds),
            likelihood=GaussianReconstruction(1.0),
            objective=BetaVAE,
            objective_settings={"kl": self.kl, "schedule": f"linear({start:g}, 1, {RISE:.0%})"},
            axes=("mu", "beta"),
        )


# --- What is trained --------------------------------------------------------------------------------------------------


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
    seeds = {name: torch.arange(len(cells)) + 1000 * number for number, name in enumerate(recipe.data.streams)}
    with torch.no_grad():
        kl = kl_per_latent(*chunk.model.encode(recipe.data.draw(HELD_OUT, seeds, recipe.bias(cells)).images))
    ordered: Array = kl.sort(-1, descending=True).values.double().numpy()
    return ordered


# --- What is read off -------------------------------------------------------------------------------------------------


def collapse_points(betas: Sequence[float], kl: Array) -> list[float]:
    """The beta at which each latent collapses: of betas [R] in ascending order and KL [R, L] -> [L].

    NaN for a latent that is in use at the last rung, or at fewer than FITTED.
    """
    return [_collapse(np.log(np.asarray(betas)), column) for column in kl.T]


def _collapse(log_beta: Array, kl: Array) -> float:
    used = np.flatnonzero(kl >= IN_USE)
    if len(used) < FITTED or used[-1] == len(kl) - 1:
        return math.nan
    last = int(used[-1])
    slope, offset = np.polyfit(log_beta[used[-FITTED:]], kl[used[-FITTED:]], 1)
    end = -offset / slope if slope < 0 else math.inf
    # At the next rung a latent may hold what IN_USE leaves unseen, by linear theory for another 2 IN_USE in log beta.
    return math.exp(min(max(end, log_beta[last]), log_beta[last + 1] + 2 * IN_USE))


def measured(ladder: Ladder, mu: float, kl: Array) -> dict[str, Any]:
    """What a ladder with this KL [rungs, latents] says at a mu: beta of every latent's collapse, and the prediction."""
    found, predicted = collapse_points(ladder.rungs[mu], kl), ladder.predicted(mu)
    ratios = [beta / expected for beta, expected in zip(found, predicted, strict=True)]
    return {
        "predicted": list(predicted),
        "collapse": [_or_none(beta) for beta in found],
        "over_predicted": [_or_none(ratio) for ratio in ratios],
        "betas": list(ladder.rungs[mu]),
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


# --- The run ----------------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = _parser().parse_args()
    script = begin(arguments)
    console = Console()
    facts = {name: getattr(arguments, name) for name in ("steps", "learning_rate", "batch_size")}
    held = _held(script.out / NAME, facts)
    for ladder in ladders():
        if arguments.only not in (None, ladder.name):
            continue
        found = held["ladders"].setdefault(ladder.name, {})
        for mu, betas in ladder.rungs.items():
            recipe, one = ladder.recipe(mu, **facts), found.setdefault(f"{mu:g}", {"kl": []})
            while len(one["kl"]) < len(betas):
                rungs = slice(len(one["kl"]), len(one["kl"]) + AT_ONCE)
                one["kl"] += np.round(trained_kl(dataclasses.replace(recipe, cells=recipe.cells[rungs])), 5).tolist()
                script.save(NAME, held)
            one |= measured(ladder, mu, np.array(one["kl"]))
            script.save(NAME, held)
            _tell(console, ladder.name, mu, one)
    for mu in MUS if arguments.only in (None, BEST) else ():
        if f"{mu:g}" not in held["best_block"]:
            held["best_block"][f"{mu:g}"] = _best(mu)
            script.save(NAME, held)
        best = held["best_block"][f"{mu:g}"]
        console.print(
            f"the best VAE of a block, mu {mu:g}: in use to {best['fold']:.3f} of lambda_k / sigma^2, better than the "
            f"collapsed one to {best['equal']:.3f}; read as ladders are {best['read_as_ladders']:.3f}",
            highlight=False,
        )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, NAME)
    parser.add_argument("--steps", type=int, default=8000, help="of every model")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="of Adam")
    parser.add_argument("--batch-size", type=int, default=128, help="images per step")
    parser.add_argument("--only", choices=[*(ladder.name for ladder in ladders()), BEST], help="one part")
    return parser


def _held(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier call with the same settings has written."""
    held = json.loads(path.read_text()) if path.is_file() else {}
    if {name: held.get(name) for name in facts} != facts:
        held = {}
    held.pop("machine", None)
    return {**facts, "in_use_nats": IN_USE, "ladders": {}, "best_block": {}, **held}


def _best(mu: float) -> dict[str, Any]:
    found = transition(mu)
    ratios, kl = [b.ratio for b in found.branch], np.array([[b.kl] for b in found.branch])
    beyond = [*ratios, ratios[-1] * 1.01], np.concatenate([kl, np.zeros((1, 1))])
    return {
        "equal": round(found.equal, 4),
        "fold": round(found.fold, 4),
        "read_as_ladders": round(collapse_points(*beyond)[0], 4),
        "ratios": [round(ratio, 5) for ratio in ratios],
        "kl": [round(b.kl, 6) for b in found.branch],
    }


def _tell(console: Console, name: str, mu: float, found: Mapping[str, Any]) -> None:
    shown = " ".join("-" if ratio is None else f"{ratio:.3f}" for ratio in found["over_predicted"])
    console.print(f"{name}, mu {mu:g}: latents collapse at {shown} of lambda_k / sigma^2", highlight=False)


if __name__ == "__main__":
    main()
