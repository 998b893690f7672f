"""numpy's integers are integers in every score and estimate."""

import numpy as np
import pytest
import torch

import pyvae
from pyvae import metrics

X = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
KINDS = [np.int64, np.int32, np.uint8, np.uint64]


def answers(number: type) -> list[torch.Tensor]:
    labels = np.arange(40) % 2
    posterior = pyvae.aggregate_posterior(X, X, chunk=number(20))
    scores = [
        metrics.mig(posterior, labels, samples=number(10), seed=number(2)),
        metrics.active_latents(posterior, samples=number(10), seed=number(2)),
    ]
    steps = {"epochs": number(2), "batch_size": number(8), "seed": number(3)}
    return [
        posterior.sample(number(3), seed=number(3)).z,
        posterior.mutual_information(number(20), seed=number(3)).value,
        posterior.conditional_entropies(labels, number(20), seed=number(3)).value,
        torch.tensor([float(score) for score in scores]),
        metrics.halves(number(40), number(3))[0],
        metrics.sgd_protocol(X, X, learning_rate=0.1, **steps).curve,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_counts_and_seeds(kind: type[np.integer]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(answers(kind), answers(int), strict=True))


@pytest.mark.parametrize("seed", [1.5, True, "1"])
def test_seeds_that_are_none(seed: object) -> None:
    posterior = pyvae.aggregate_posterior(X, X)
    asked = [
        lambda: posterior.sample(3, seed=seed),
        lambda: metrics.mig(posterior, np.arange(40) % 2, samples=10, seed=seed),
        lambda: metrics.active_latents(posterior, samples=10, seed=seed),
        lambda: metrics.halves(40, seed),
        lambda: metrics.sgd_protocol(X, X, epochs=1, learning_rate=0.1, batch_size=8, seed=seed),
    ]
    for ask in asked:
        with pytest.raises(TypeError, match=r"^seed must be an int, got (float|bool|str)\.$"):
            ask()
