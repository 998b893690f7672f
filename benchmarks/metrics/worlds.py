"""Worlds whose codes are known: latents that are sums of independent factors and noise, z = a . v + noise.

Given some of the factors a latent is a mixture over the others' values, whose entropy is an integral over one number,
or, of bins, a sum over cells.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from pyvae.metrics import Codes, Factors

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ROWS = 4000
POINTS = 8001  # of an integral over one latent

_BOWL, _SLANTED = stats.beta(0.5, 0.5), stats.truncexpon(2.0)
# Each with mean 0 and standard deviation 1; the last three are bounded, and reach their ends.
NOISES: dict[str, Any] = {
    "normal": stats.norm(),
    "laplace": stats.laplace(scale=math.sqrt(0.5)),
    "logistic": stats.logistic(scale=math.sqrt(3) / math.pi),
    "skewed": stats.gamma(2.0, loc=-math.sqrt(2), scale=math.sqrt(0.5)),
    "student": stats.t(6.0, scale=math.sqrt(4 / 6)),
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
    "bowl": stats.beta(0.5, 0.5, loc=-0.5 / _BOWL.std(), scale=1 / _BOWL.std()),
    "slanted": stats.truncexpon(2.0, loc=-_SLANTED.mean() / _SLANTED.std(), scale=1 / _SLANTED.std()),
}


class World:
    """K factors of these sizes, a latent for each row of `weights` [D, K], and noise of one kind and deviation.

    `marginals` gives the frequencies of a factor's values where they are not equal, by the factor's number.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        weights: Sequence[Sequence[float]],
        std: float,
        noise: str = "normal",
        marginals: dict[int, Sequence[float]] | None = None,
    ) -> None:
        self.sizes, self.weights, self.std = tuple(sizes), np.array(weights, dtype=np.float64), std
        self.noise = NOISES[noise]
        self.grid = np.array(list(itertools.product(*map(range, sizes))))  # [G, K]
        given = marginals or {}
        self.marginals = [np.array(given.get(k, [1 / size] * size)) for k, size in enumerate(sizes)]
        self.shares = np.prod([p[column] for p, column in zip(self.marginals, self.grid.T, strict=True)], 0)
        self.means = self.grid @ self.weights.T  # [G, D]
        self.everything = np.ones(len(self.grid), dtype=bool)

    @property
    def latents(self) -> int:
        """D."""
        return len(self.weights)

    @cached_property
    def entropies(self) -> Array:
        """H(v_k) in nats, [K]."""
        return np.array([stats.entropy(p) for p in self.marginals])

    def draw(self, seed: int, rows: int = ROWS) -> tuple[Codes, Factors]:
        """Rows drawn anew, as points."""
        codes, at = self.drawn(np.random.default_rng(seed), rows)
        return Codes(codes), Factors(self.grid[at])

    def drawn(self, rng: np.random.Generator, rows: int) -> tuple[Array, npt.NDArray[np.int64]]:
        """Codes [rows, D] and which combination of factors each is of."""
        at = rng.choice(len(self.grid), size=rows, p=self.shares)
        noise = self.noise.rvs((rows, self.latents), random_state=rng)
        return self.means[at] + self.std * noise, np.asarray(at, dtype=np.int64)

    def posteriors(self) -> tuple[Codes, Factors]:
        """Combinations as often as they are, as normal posteriors: what is random is drawn by the score."""
        counts = self._counts()
        rows = np.tile(np.repeat(np.arange(len(self.grid)), counts), max(1, 720 // int(counts.sum())))
        mu = self.means[rows]
        return Codes(mu, np.full_like(mu, 2 * math.log(self.std))), Factors(self.grid[rows])

    def _counts(self) -> npt.NDArray[np.int64]:
        """The least whole numbers that the combinations' shares are in proportion to."""
        for count in range(len(self.grid), 100_000):
            if np.abs(self.shares * count - np.rint(self.shares * count)).max() < 1e-6:
                return np.rint(self.shares * count).astype(np.int64)
        raise ValueError("the shares of the combinations must be in proportion to whole numbers.")

    # --- Information ---------------------------------------------------------------------------------------------

    def information(self, entropy: Callable[[int, Mask], float]) -> Array:
        """I(z_d; v_k) [D, K], of the entropy of latent d as a mixture of some combinations."""
        given = [
            [
                sum(share * entropy(d, self.grid[:, k] == v) for v, share in enumerate(self.marginals[k]))
                for k in range(len(self.sizes))
            ]
            for d in range(self.latents)
        ]
        return self.of_latents(entropy)[:, None] - np.array(given)

    def of_latents(self, entropy: Callable[[int, Mask], float]) -> Array:
        """The latents' own entropies [D]."""
        return np.array([entropy(d, self.everything) for d in range(self.latents)])

    def differential(self, latent: int, chosen: Mask) -> float:
        """H(z_d) in nats, of noise with a density that does not jump far."""
        means, shares = self.mixture(latent, chosen)
        low, high = self.noise.ppf([1e-12, 1 - 1e-12]) * self.std
        z = np.linspace(means.min() + low, means.max() + high, POINTS)
        density = self.noise.pdf((z[:, None] - means) / self.std) @ shares / self.std
        return -float(np.trapezoid(density * np.log(np.maximum(density, 1e-300)), z))

    def mixture(self, latent: int, chosen: Mask) -> tuple[Array, Array]:
        """The different means of the latent at the chosen combinations, and how often each is."""
        means, place = np.unique(self.means[chosen, latent], return_inverse=True)
        shares = np.bincount(place, self.shares[chosen])
        return means, shares / shares.sum()

    def below(self, z: Array, latent: int, chosen: Mask) -> Array:
        """P(z_d <= z)."""
        means, shares = self.mixture(latent, chosen)
        return np.asarray(self.noise.cdf((z[:, None] - means) / self.std) @ shares)

    def cells(self, edges: Sequence[Array]) -> Callable[[int, Mask], float]:
        """The entropy of latent d in bins between its edges."""
        return lambda latent, chosen: float(stats.entropy(np.diff(self.below(edges[latent], latent, chosen))))

    def equal_width(self, bins: int) -> list[Array]:
        """Edges of bins between the least and the greatest value there can be, of bounded noise."""
        low, high = (end * self.std for end in self.noise.support())
        return [np.linspace(m.min() + low, m.max() + high, bins + 1) for m in self.means.T]
