"""What belongs on the CPU says so, wherever torch makes tensors by default."""

from pathlib import Path

import numpy as np
import pytest
import torch

import pyvae
from pyvae import metrics
from pyvae.aggregate import AggregatePosterior
from tests.aggregate.posteriors import N, encoded

LABELS = np.arange(N) % 3


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    mu, logvar = encoded()
    return mu.numpy(), logvar.numpy()


def answers(posterior: AggregatePosterior) -> list[torch.Tensor]:
    z, indices = posterior.sample(6, seed=0)
    return [
        z,
        indices,
        posterior.joint_log_density(z),
        posterior.marginal_log_density(z),
        *(part.value for part in posterior.kl_decomposition(10, seed=0)),
        posterior.latent_information(10, seed=0).value,
        posterior.conditional_entropies(LABELS, 10, seed=0).value,
        posterior.conditional_entropies(LABELS.tolist(), 10, seed=0).value,
    ]


@pytest.mark.parametrize("kind", ["arrays", "tensors", "files", "float64"])
def test_the_aggregate_posterior(kind: str, data: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    source: list = list(data)
    if kind == "tensors":
        source = [torch.from_numpy(rows) for rows in data]
    if kind == "float64":
        source = [rows.astype(np.float64) for rows in data]
    if kind == "files":
        source = [tmp_path / "mu.npy", tmp_path / "logvar.npy"]
        for path, rows in zip(source, data, strict=True):
            np.save(path, rows)
    want = answers(pyvae.aggregate_posterior(*source, chunk=300))
    with torch.device("meta"):
        got = answers(pyvae.aggregate_posterior(*source, chunk=300))
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def scores(mu: torch.Tensor, logvar: torch.Tensor) -> list[float]:
    codes = metrics.Codes(mu, logvar)
    truth = mu[:, :2] * 2
    fit, test = metrics.halves(N, seed=0)
    by_steps = metrics.sgd_protocol(mu, truth, epochs=1, learning_rate=0.1, batch_size=64, seed=0)
    by_squares = metrics.least_squares(mu[fit], truth[fit])
    return [
        float(metrics.mig(codes, LABELS, samples=20, seed=0)),
        float(metrics.active_latents(codes, samples=20, seed=0)),
        by_steps.curve.sum().item(),
        metrics.score(by_squares.predict(mu[test]), truth[test]).r2.item(),
        metrics.recovered_information(mu, truth).sum().item(),
        metrics.code_information(mu, mu, logvar).item(),
        metrics.active_by_kl(metrics.kl_per_latent(mu, logvar)).item(),
    ]


def test_metrics(data: tuple[np.ndarray, np.ndarray]) -> None:
    mu, logvar = map(torch.from_numpy, data)
    want = scores(mu, logvar)
    with torch.device("meta"):
        assert scores(mu, logvar) == want


def losses(mu: torch.Tensor, logvar: torch.Tensor) -> list[torch.Tensor]:
    z, kl = pyvae.reparameterize_with_kl(mu, logvar, seed=3)
    parts = pyvae.kl_decomposition(z, mu, logvar, dataset_size=2 * N)
    prior = pyvae.gaussian_kl(mu, logvar, 0.5, -1.0)
    torch.manual_seed(0)
    return [z, kl, *parts, prior, pyvae.reparameterize(mu, logvar)]


def test_ops(data: tuple[np.ndarray, np.ndarray]) -> None:
    mu, logvar = map(torch.from_numpy, data)
    want = losses(mu, logvar)
    with torch.device("meta"):
        assert all(torch.equal(a, b) for a, b in zip(losses(mu, logvar), want, strict=True))
