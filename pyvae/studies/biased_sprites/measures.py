"""What is measured on every model, on the unbiased test set: scores of pyvae.metrics, and how much the code tells of
the factors, over all images that are measured and over those that a bias makes rare.

A measure's name says of what it is: "recovered", "recovered of x", "recovered, skew 6, rare", "mig, remove 0.5, often".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pyvae.metrics import METRICS, Codes, Factors, Measured, Metric
from pyvae.metrics.estimators.code_information import image_information, label_information
from pyvae.metrics.estimators.columns import Array
from pyvae.metrics.estimators.protocols import Protocol
from pyvae.metrics.estimators.resampling import is_few
from pyvae.metrics.evaluate import outcome_of
from pyvae.quantiles import t_quantile
from pyvae.studies.biased_sprites.biases import Mask, Split
from pyvae.studies.scores import Points

Index = npt.NDArray[np.int64]
RECOVERED = "recovered"
PARTS = ("often", "rare")
SCORES = ("active_latents", "mig", "minimality", "sufficiency")


def name_of(measure: str, split: str | None = None, part: str | None = None, factor: str | None = None) -> str:
    """A measure's name: of all images, or of a part by a bias's label; of all factors, or of one."""
    where = "" if split is None else f", {split}, {part}"
    return f"{measure}{f' of {factor}' if factor else ''}{where}"


@dataclass(frozen=True)
class Recovered(Metric):
    """I(v_k; code) in nats of every factor and, summed, of all, by samples of the codes of some of the images: over
    them all, and over those of each part of each split.
    """

    ceilings: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    """What each image itself tells of its factors, [N, K]."""
    splits: Sequence[Split] = ()
    samples: int = 2048

    @property
    def needs_factors(self) -> bool:
        return True

    @property
    def defaults(self) -> dict[str, Any]:
        return {"samples": self.samples, "biases": ", ".join(split.label for split in self.splits)}

    def measure(self, codes: Codes, factors: Factors | None, *, protocol: Protocol, seed: int) -> dict[str, Measured]:
        assert factors is not None
        rows = np.sort(np.random.default_rng(seed).permutation(len(codes))[: self.samples])
        terms = _sampled_terms(codes, factors, rows, seed).numpy()
        ceilings = self.ceilings.numpy()[rows]
        out = _means(terms, ceilings, factors.names, np.ones(len(rows), dtype=bool))
        for split in self.splits:
            for part, mask in zip(PARTS, (~split.rare[rows], split.rare[rows]), strict=True):
                out |= _means(terms, ceilings, factors.names, mask, split.label, part)
        return out


def _sampled_terms(codes: Codes, factors: Factors, rows: Index, seed: int) -> Tensor:
    """`label_information` of one sample of each posterior of these rows."""
    mu, logvar = torch.as_tensor(codes.mu), torch.as_tensor(codes.logvar)
    chosen, generator = torch.from_numpy(rows), torch.Generator().manual_seed(seed)
    noise = torch.randn(len(rows), mu.shape[1], generator=generator)
    z = mu[chosen] + torch.exp(0.5 * logvar[chosen]) * noise
    return label_information(z, chosen, mu, logvar, torch.from_numpy(factors.labels))


def _means(
    terms: Array, ceilings: Array, names: Sequence[str], mask: Mask, split: str | None = None, part: str | None = None
) -> dict[str, Measured]:
    """Means over some rows, of every factor and of their sum; no mean where there is no row."""
    if not mask.any():
        return {}
    out = {name_of(RECOVERED, split, part): _mean(terms[mask].sum(1), float(ceilings[mask].sum(1).mean()))}
    for k, name in enumerate(names):
        out[name_of(RECOVERED, split, part, name)] = _mean(terms[mask, k], float(ceilings[mask, k].mean()))
    return out


def _mean(terms: Array, ceiling: float) -> Measured:
    """With its 95 % t interval over rows; of few rows this holds all from 0 to the ceiling, and the value."""
    value = float(terms.mean())
    if is_few(len(terms)):
        return Measured(value, min(value, 0.0), max(value, ceiling), ceiling)
    reach = t_quantile(len(terms) - 1) * float(terms.std(ddof=1)) / len(terms) ** 0.5
    return Measured(value, value - reach, value + reach, ceiling)


@dataclass(frozen=True)
class InParts(Metric):
    """Scores of pyvae.metrics over the images of each part alone; a score that refuses a part is left out."""

    splits: Sequence[Split] = ()

    @property
    def needs_factors(self) -> bool:
        return True

    @property
    def defaults(self) -> dict[str, Any]:
        return {"biases": ", ".join(split.label for split in self.splits)}

    def measure(self, codes: Codes, factors: Factors | None, *, protocol: Protocol, seed: int) -> dict[str, Measured]:
        assert factors is not None
        out: dict[str, Measured] = {}
        for split in self.splits:
            for part, mask in zip(PARTS, (~split.rare, split.rare), strict=True):
                if mask.any():
                    found = _scores_of(codes, factors, mask, protocol, seed)
                    out |= {name_of(name, split.label, part): score for name, score in found.items()}
        return out


def _scores_of(codes: Codes, factors: Factors, mask: Mask, protocol: Protocol, seed: int) -> dict[str, Measured]:
    """SCORES of some of the images."""
    rows = np.flatnonzero(mask)
    some = Codes(torch.as_tensor(codes.mu)[rows], torch.as_tensor(codes.logvar)[rows])
    outcomes = (outcome_of(METRICS[name], some, factors.take(rows), protocol=protocol, seed=seed) for name in SCORES)
    return {name: score for outcome in outcomes for name, score in outcome.scores.items()}


def of_models(points: Points, splits: Sequence[Split], samples: int) -> list[Metric]:
    """What every model is measured by."""
    assert points.factors is not None
    ceilings = image_information(points.images, torch.from_numpy(points.factors.labels))
    recovered = Recovered(RECOVERED, label_information, ceilings=ceilings, splits=splits, samples=samples)
    return [recovered, *(METRICS[name] for name in SCORES)]


def of_removals(splits: Sequence[Split]) -> Metric:
    """What models are measured by beside that where combinations were removed, and without any bias."""
    return InParts("in parts", label_information, splits=[split for split in splits if not split.kind.weighable])
