"""Samples of the aggregate posterior, and what fixes them."""

import math
from collections.abc import Callable

import pytest
import torch

import pyvae
from pyvae.aggregate import Estimate
from tests.aggregate.posteriors import encoded


def test_samples_come_from_their_posterior() -> None:
    mu = torch.arange(8.0)[:, None].expand(8, 3)
    posterior = pyvae.aggregate_posterior(mu, torch.full((8, 3), -2.0))
    z, indices = posterior.sample(40_000, seed=1)
    residual = (z - mu[indices]) / math.exp(-1)
    assert residual.mean().item() == pytest.approx(0, abs=0.015)
    assert residual.std().item() == pytest.approx(1, abs=0.015)
    assert (indices.bincount(minlength=8) / 40_000 - 1 / 8).abs().max() < 0.01


def test_a_seed_or_a_generator_fixes_every_answer() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(200))
    labels = torch.arange(200) % 3
    questions: list[Callable[..., Estimate]] = [
        posterior.mutual_information,
        posterior.total_correlation,
        posterior.dimwise_kl,
        posterior.marginal_entropies,
        lambda samples, **how: posterior.conditional_entropies(labels, samples, **how),
    ]
    for ask in questions:
        first = ask(20, seed=5).value
        assert torch.equal(ask(20, seed=5).value, first)
        assert torch.equal(ask(20, generator=torch.Generator().manual_seed(5)).value, first)
        assert not torch.equal(ask(20, seed=6).value, first)
        torch.manual_seed(5)
        torch.testing.assert_close(ask(20).value, first)


def test_the_number_of_threads_changes_no_bit() -> None:
    posterior = pyvae.aggregate_posterior(*encoded(), chunk=300)
    before = torch.get_num_threads()
    answers = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        answers.append(posterior.marginal_log_density(posterior.sample(50, seed=0).z))
    torch.set_num_threads(before)
    assert torch.equal(*answers)
