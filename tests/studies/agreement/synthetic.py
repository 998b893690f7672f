"""Studies made up for tests: the tables that a real one leaves, with scores that are functions of the model."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pyvae.studies.agreement.config import SWEEPS, AgreementConfig
from pyvae.studies.agreement.measures import UNROTATED
from pyvae.studies.agreement.results import Results
from pyvae.studies.agreement.texts import CONTENT, DISENTANGLEMENT, PROTOCOLS, UNSUPERVISED, USE
from tests.studies.agreement.tiny import tiny

Score = Callable[[int, int, int, np.random.Generator], float]
"""Of an objective's number, a strength's, a seed, and a source of noise."""
STRENGTHS = 4
NAMES = (
    *DISENTANGLEMENT,
    *CONTENT,
    *USE,
    *UNSUPERVISED,
    *(other for others in PROTOCOLS.values() for other, _ in others),
    *(f"rotated_{name}" for name in UNROTATED),
)


def quality(objective: int, strength: int, seed: int, rng: np.random.Generator) -> float:
    """What all scores may have in common: of objective, strength and seed in equal parts, without noise."""
    return ((objective * 7 + 1) % 6 + (strength * 5 + objective) % 4 + (seed * 3 + strength + objective) % 5) / 15


def noise(objective: int, strength: int, seed: int, rng: np.random.Generator) -> float:
    """Nothing that any two scores share."""
    return float(rng.uniform())


def minus(score: Score) -> Score:
    return lambda *model: 1 - score(*model)


def config(seeds: int = 5) -> AgreementConfig:
    lists = {sweep.field: tuple(float(s + 1) for s in range(STRENGTHS)) for sweep in SWEEPS}
    return tiny().replaced(**lists, seeds=tuple(range(seeds)))


def table(scores: dict[str, Score], otherwise: Score, seeds: int) -> pa.Table:
    rows = []
    for o, sweep in enumerate(SWEEPS):
        for s in range(STRENGTHS):
            for r in range(seeds):
                values = {}
                for place, name in enumerate(NAMES):
                    rng = np.random.default_rng([o, s, r, place])
                    values[name] = float(scores.get(name, otherwise)(o, s, r, rng))
                names = {"objective": sweep.group, "strength": float(s + 1), "seed": r}
                rows.append({**names, "finite": True, **values, "rotated_elbo": values["elbo"]})
    return pa.Table.from_pylist(rows)


def results(scores: dict[str, Score] | None = None, otherwise: Score = quality, seeds: int = 5) -> Results:
    """A study whose scores are these, and all others `otherwise`; every model has three active latents."""
    given = {"active_latents": lambda *model: 3.0, **(scores or {})}
    found = table(given, otherwise, seeds)
    kinds = {"objective": pa.string(), "strength": pa.float64(), "seed": pa.int64()}
    reasons = pa.schema(
        [*kinds.items(), *((name, pa.string()) for name in ("metric", "settings", "reason"))]
    ).empty_table()
    return Results(config(seeds), found, reasons)
