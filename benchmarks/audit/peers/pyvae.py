"""pyvae itself, by the same measure."""

from collections.abc import Iterator

import torch

import pyvae
from benchmarks.audit import known
from benchmarks.audit.row import Row, sampled
from benchmarks.perfect_code import perfect_code
from pyvae import metrics

DISTRIBUTION = "pyvae-torch"


def rows() -> Iterator[Row]:
    yield from _kl()
    yield from _packed()
    yield from _decomposition()
    yield from _points()


def _kl() -> Iterator[Row]:
    for spread in (1.0, 0.02):
        of = known.flat(spread)
        found = float(pyvae.gaussian_kl(of.mu, of.logvar).mean())
        yield Row("gaussian_kl", "KL", f"10 latents, s = {spread:g}", found, of.kl)


def _packed() -> Iterator[Row]:
    for name, shape in (("image", known.IMAGE), ("video", known.VIDEO)):
        for spread, dtype in ((1.0, torch.float32), (0.05, torch.bfloat16)):
            of = known.packed(shape, spread, dtype)
            found = float(pyvae.Posterior.from_moments(of.moments).kl().mean())
            yield Row("Posterior.kl", "KL", f"{name}, s = {spread:g}, {str(dtype)[6:]}", found, of.kl)
    of = known.sound()
    posterior, other = (
        pyvae.Posterior.from_moments(part, spread_is="std", activation="softplus", eps=1e-4)
        for part in (of.moments, of.others)
    )
    yield Row("Posterior.kl", "KL", "sound", float(posterior.kl().mean()), of.kl)
    yield Row("Posterior.kl(prior)", "KL to another", "sound", float(posterior.kl(other).mean()), of.kl_to_others)


def _decomposition() -> Iterator[Row]:
    of = known.minibatches()
    parts = pyvae.kl_decomposition(of.z, of.mu, of.logvar, dataset_size=of.dataset_size)
    found = dict(zip(of.truth, (parts.mutual_information, parts.total_correlation, parts.dimwise_kl), strict=True))
    note = "biased at any minibatch size below N: docs/ops.md has its error by size"
    for quantity, values in found.items():
        estimates = sampled(values.double().mean(-1).tolist())
        yield Row(
            "kl_decomposition, mss", quantity, "perfect code, M = 64", truth=of.truth[quantity], note=note, **estimates
        )
    exact = pyvae.aggregate_posterior(*perfect_code()).kl_decomposition(1000, seed=0)
    estimates = exact.mutual_information, exact.total_correlation, exact.dimwise_kl_sum
    for quantity, estimate in zip(of.truth, estimates, strict=True):
        value, error = float(estimate.value), float(estimate.standard_error)
        yield Row("aggregate_posterior", quantity, "perfect code, all N", value, of.truth[quantity], error)


def _points() -> Iterator[Row]:
    for name, law in known.LAWS.items():
        found = sampled(float(metrics.mig(*points).value) for points in law.draws())
        yield Row("metrics.mig of points", "MIG", name, truth=law.mig, unit="", **found)
    mu, logvar, factors = known.noisy_posteriors()
    score = metrics.mig(metrics.Codes(mu, logvar), factors)
    error = (score.high - score.low) / 3.92
    truth = known.LAWS["noisy code"].mig
    yield Row("metrics.mig of posteriors", "MIG", "noisy code", float(score.value), truth, error, unit="")
    for scale in known.SCALES:
        of = known.correlated(0.5, scale)
        found = float(metrics.gaussian_total_correlation(of.points).value)
        call, on = "metrics.gaussian_total_correlation", f"Gaussian points, sd {scale:g}"
        yield Row(call, "total correlation", on, found, of.total_correlation)
