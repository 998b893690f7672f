"""Information by samples of the aggregate posterior: known answers, and small errors where there is little."""

import importlib
import math

import numpy as np
import pytest
import torch

import pyvae
from pyvae.aggregate import AggregatePosterior
from pyvae.metrics import Codes, dcimig, infomec, mig_sup, minimality, modularity, sufficiency
from pyvae.metrics.estimators.posteriors import terms_of

VALUES = 5


def two_values(shares: tuple[float, float], apart: float) -> tuple[AggregatePosterior, torch.Tensor, float]:
    """A latent with standard normal posteriors whose means are 0 or `apart`, and I(z; v) by quadrature."""
    counts = [round(1000 * share) for share in shares]
    labels = torch.arange(2).repeat_interleave(torch.tensor(counts))
    mu = apart * labels[:, None].float()
    z = torch.linspace(-12, 12 + apart, 20_001, dtype=torch.float64)[:, None]
    share = torch.tensor(shares, dtype=torch.float64)
    given = torch.exp(-0.5 * (z - torch.tensor([0.0, apart])) ** 2) / math.sqrt(2 * math.pi)
    density = given * share
    told = (density * (given / density.sum(1, keepdim=True)).clamp_min(1e-300).log()).sum(1)
    exact = torch.trapezoid(told, z[:, 0]).item()
    return pyvae.aggregate_posterior(mu, torch.zeros_like(mu)), labels, exact


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1)])
@pytest.mark.parametrize("apart", [0.003, 0.1, 0.8, 4.0, 40.0])
def test_its_mean_is_the_information_and_its_error_small_where_there_is_little(shares, apart) -> None:
    posterior, labels, exact = two_values(shares, apart)
    terms = terms_of(posterior, labels, 10_000, seed=0).of_factors[:, 0, 0]
    error = terms.std().item() / 100
    assert abs(terms.mean().item() - exact) < 5 * error + 1e-5 * exact
    assert error < 0.05 * exact


def of_cells(table: list[list[int]]) -> tuple[AggregatePosterior, torch.Tensor, float]:
    """A latent with places far apart, as rows of counts of a factor's values, and what it tells."""
    counts = np.array(table)
    place, value = np.nonzero(counts)
    rows = np.repeat(np.stack([place, value], 1), counts[place, value], axis=0)
    p = counts / counts.sum()
    exact = float(np.sum(np.where(p > 0, p * np.log(np.maximum(p, 1e-300) / np.outer(p.sum(1), p.sum(0))), 0.0)))
    mu = torch.from_numpy(100.0 * rows[:, :1]).float()
    return pyvae.aggregate_posterior(mu, torch.zeros_like(mu)), torch.from_numpy(rows[:, 1]), exact


@pytest.mark.parametrize(
    "table",
    [
        [[0, 50, 50, 50, 50], [250, 200, 200, 200, 200]],  # a place that excludes a value
        [[20] + [0] * 9, [80] + [100] * 9],  # a place that singles one out
        [[100, 101], [101, 100]],
    ],
)
def test_excluded_values_and_such_as_are_singled_out_are_told(table) -> None:
    posterior, labels, exact = of_cells(table)
    found = [terms_of(posterior, labels, 4000, seed=seed).of_factors[:, 0, 0] for seed in range(10)]
    errors = [(terms.mean().item() - exact) / (terms.std().item() / math.sqrt(4000)) for terms in found]
    assert max(map(abs, errors)) < 4 and abs(float(np.mean(errors))) < 1.5


def test_a_collapsed_latent_tells_nothing_and_one_told_in_full_the_entropy() -> None:
    labels = torch.tensor([0] * 700 + [1] * 300)
    mu = torch.stack([torch.zeros(1000), 100.0 * labels], 1)
    terms = terms_of(pyvae.aggregate_posterior(mu, torch.zeros_like(mu)), labels, 500, seed=1)
    dead, full = terms.of_factors.mean(0)[0].tolist()
    assert dead == 0 and full == pytest.approx(terms.entropies.item(), abs=1e-5)
    assert terms.of_data.mean(0).tolist() == pytest.approx([0, full], abs=0.1)


def half_collapsed() -> tuple[Codes, np.ndarray]:
    """Two latents tell a factor each, and four little of a third: 0.0025 nats, and 0.00001 of the others."""
    rng = np.random.default_rng(0)
    values = rng.integers(VALUES, size=(4000, 3))
    told, noise = values[:, :2] + 0.3 * rng.normal(size=(4000, 2)), 0.15 * rng.normal(size=(4000, 4))
    mu = np.concatenate([told, noise + 0.05 * values[:, 2:]], 1).astype(np.float32)
    logvar = np.zeros_like(mu)
    logvar[:, :2] = -3
    return Codes(mu, logvar), values


SCORES = {
    "modularity": modularity,
    "mig_sup": mig_sup,
    "dcimig": dcimig,
    "minimality": minimality,
    "sufficiency": sufficiency,
    "infom": lambda *given, **how: infomec(*given, **how).modularity,
    "infoc": lambda *given, **how: infomec(*given, **how).compactness,
}


def test_intervals_of_few_samples_hold_the_score_of_many_where_latents_tell_little(monkeypatch) -> None:
    module = importlib.import_module("pyvae.metrics.infomec")
    monkeypatch.setattr(module, "_explicitness", lambda *given: None)  # takes time, and no part in this
    codes, values = half_collapsed()
    factors = pyvae.metrics.Factors(values)
    seeds = range(10)
    for name, score in SCORES.items():
        many = score(codes, factors, samples=100_000, seed=99)
        few = [score(codes, factors, samples=2000, seed=seed) for seed in seeds]
        slack = (many.high - many.low) / 2
        assert sum(one.low - slack <= many.value <= one.high + slack for one in few) >= 8, name
        assert np.median([one.high - one.low for one in few]) < 0.15, name
    assert modularity(codes, factors, seed=0).value > 0.99


def test_the_same_samples_are_the_same_bits_and_what_it_refuses() -> None:
    posterior, labels, _ = two_values((0.5, 0.5), 1.0)
    first, again = (terms_of(posterior, labels, 50, seed=3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(ValueError, match="samples must be at least 2, got 1"):
        terms_of(posterior, labels, 1)
    with pytest.raises(ValueError, match="seed and generator"):
        terms_of(posterior, labels, 5, seed=0, generator=torch.Generator())
