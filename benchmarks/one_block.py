"""One block of the grid and the best VAE of it that there can be: where its latent collapses, without any training.

The 49 pixels of a block are sigmoid(z) plus noise, so that their mean y is all that an encoder can use, and the problem
is one number wide. Encoder and decoder are free functions on a grid of y and of the code u: q(u|y) = N(m(y), s(y)^2),
and the decoder is the posterior mean of y given u, which no other beats. What is left, the loss as a function of m and
s, is minimised by L-BFGS in float64 while beta rises slowly, from the solution before: the branch on which the latent
is in use.

Linear theory has the collapsed solution turn unstable below beta*, for nonlinear networks, too: only the linear part of
encoder and decoder counts next to it. Where y is skewed, though, quadratic parts win a term of third order. Then the
branch in use goes on beyond beta*, as far as `fold`, and is the better solution as far as `equal`.
"""

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

PIXELS, NOISE = 49, 0.25
FINE = 1e-3
"""Relative precision of `fold`."""
IN_USE = 2e-4
"""Nats by which the branch in use is told from the collapsed one."""
_DEVIATIONS, _DRAWN, _SEEN, _CODES = 7.0, 801, 80, 161


class Branch(NamedTuple):
    """The solution in use at one beta."""

    ratio: float
    """beta over beta*."""
    kl: float
    """Nats of its latent."""
    gain: float
    """Its loss less the collapsed solution's, nats: negative where it is the better one."""


class Transition(NamedTuple):
    """Where the latent of a block collapses, as beta over beta*."""

    equal: float
    """Both solutions are as good."""
    fold: float
    """The one in use ends."""
    branch: list[Branch]


class OneBlock:
    """The problem of one block at a bias mu."""

    def __init__(self, mu: float) -> None:
        z = torch.linspace(-_DEVIATIONS, _DEVIATIONS, _DRAWN, dtype=torch.float64)
        weights = torch.softmax(-z.square() / 2, 0)
        intensity, deviation = torch.sigmoid(mu + z), math.sqrt(NOISE / PIXELS)
        low, high = float(intensity[0]) - 5 * deviation, float(intensity[-1]) + 5 * deviation
        y = torch.linspace(low, high, _SEEN, dtype=torch.float64)
        self.weights = torch.exp(-((y[:, None] - intensity) / deviation).square() / 2) @ weights
        self.weights /= self.weights.sum()
        self.centred = y - self.weights @ y
        self.variance = float(self.weights @ self.centred.square())
        self.collapse = PIXELS * self.variance / NOISE
        """beta* of linear theory: 1 + PIXELS * Var(sigmoid(z)) / NOISE."""
        self._u = torch.linspace(-8, 8, _CODES, dtype=torch.float64)

    def start(self) -> tuple[Tensor, Tensor]:
        """A solution well in use: means linear in y, and log variances."""
        mean = 0.8 * self.centred / math.sqrt(self.variance)
        return mean.requires_grad_(), torch.full_like(mean, math.log(0.3)).requires_grad_()

    def loss(self, beta: float, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
        """Loss less that of the collapsed solution, and KL, both in nats."""
        deviation = (logvar / 2).exp()
        density = torch.exp(-((self._u - mean[:, None]) / deviation[:, None]).square() / 2) / deviation[:, None]
        density = density / math.sqrt(2 * math.pi)
        marginal, moment = self.weights @ density, (self.weights * self.centred) @ density
        explained = (moment.square() / (marginal + 1e-300)).sum() * (self._u[1] - self._u[0])
        kl = 0.5 * (self.weights @ (mean.square() + logvar.exp() - 1 - logvar))
        return beta * kl - PIXELS / (2 * NOISE) * explained, kl

    def solve(self, ratio: float, mean: Tensor, logvar: Tensor) -> Branch:
        """Goes from (mean, logvar) to the minimum next to it, in place."""
        beta = ratio * self.collapse
        for _ in range(3):  # L-BFGS stops early on the flat ground near a fold
            optimiser = torch.optim.LBFGS(
                [mean, logvar], max_iter=150, history_size=30, tolerance_grad=1e-12, tolerance_change=1e-16,
                line_search_fn="strong_wolfe",
            )  # fmt: skip

            def closure(optimiser: torch.optim.LBFGS = optimiser) -> Tensor:
                optimiser.zero_grad()
                loss, _ = self.loss(beta, mean, logvar)
                loss.backward()
                return loss

            optimiser.step(closure)
        with torch.no_grad():
            loss, kl = self.loss(beta, mean, logvar)
        return Branch(ratio, float(kl), float(loss))


def transition(mu: float, step: float = 0.01) -> Transition:
    """Follows the branch in use upwards from 0.85 beta* to its end."""
    block = OneBlock(mu)
    mean, logvar = block.start()
    branch = [block.solve(0.85, mean, logvar)]
    while step > FINE / 2:
        held = mean.detach().clone(), logvar.detach().clone()
        found = block.solve(branch[-1].ratio + step, mean, logvar)
        if IN_USE < found.kl < math.inf:  # on the flat ground of a fold a long step may lead nowhere
            branch.append(found)
            continue
        with torch.no_grad():  # beyond the end: back to the last solution, and on in smaller steps
            mean.copy_(held[0])
            logvar.copy_(held[1])
        step /= 2
    return Transition(_equal(branch), branch[-1].ratio, branch)


def _equal(branch: list[Branch]) -> float:
    """Where the gain is 0, between two points of the branch; its end where it never is."""
    for a, b in itertools.pairwise(branch):
        if a.gain < 0 <= b.gain:
            return a.ratio + (b.ratio - a.ratio) * a.gain / (a.gain - b.gain)
    return branch[-1].ratio
