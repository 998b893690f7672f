"""Objectives of images with importance weights, against their formula: sum w t / sum w."""

import math

import pytest
import torch

from pyvae import losses
from pyvae.ops import reference
from tests.losses.test_objective import OBJECTIVES, made

WEIGHABLE = [losses.BetaVAE, losses.BetaTCVAE]


@pytest.fixture
def log_weights() -> torch.Tensor:
    """Of two stacked models, [2, 31]."""
    log_w = 2 * torch.randn(2, 31, dtype=torch.float64)
    log_w[:, 5] = -math.inf
    return log_w


def test_which_objectives_take_weights() -> None:
    assert [objective for objective in OBJECTIVES if objective.weighable()] == WEIGHABLE


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o not in WEIGHABLE])
def test_the_others_refuse_them_in_a_sentence(objective, posterior, reconstruction, log_weights) -> None:
    words = f"^log_weights must be None for {objective.name()}, which has no importance-weighted form$"
    with pytest.raises(ValueError, match=words):
        made(objective)(reconstruction, *posterior, seed=torch.tensor([5, 6]), log_weights=log_weights)


@pytest.mark.parametrize("kl", ["closed_form", "sampled"])
def test_beta_vae_averages_both_terms_by_weight(posterior, reconstruction, log_weights, kl) -> None:
    z, mu, logvar = posterior
    each = reference.gaussian_kl(mu, logvar).sum(-1) if kl == "closed_form" else losses.sampled_kl(z, mu, logvar)
    terms = losses.BetaVAE(3.0, kl=kl)(reconstruction, *posterior, log_weights=log_weights)
    w = log_weights.exp()
    for term, want in zip(terms, (reconstruction + 3 * each, reconstruction, each), strict=True):
        torch.testing.assert_close(term.mean(-1), (w * want).sum(-1) / w.sum(-1))


@pytest.mark.parametrize("estimator", ["full", "mws", "balanced"])
def test_beta_tcvae_estimates_the_unbiased_parts_and_averages_them_by_weight(
    posterior, reconstruction, log_weights, estimator
) -> None:
    size = None if estimator == "full" else 1000
    parts = reference.kl_decomposition(*posterior, dataset_size=size, estimator=estimator, log_weights=log_weights)
    objective = losses.BetaTCVAE(size, alpha=2.0, beta=3.0, gamma=5.0, estimator=estimator)
    terms = objective(reconstruction, *posterior, log_weights=log_weights)
    w = log_weights.exp()
    loss = reconstruction + sum(weight * part for weight, part in zip((2, 3, 5), parts, strict=True))
    for term, want in zip(terms, (loss, reconstruction, sum(parts), *parts), strict=True):
        torch.testing.assert_close(term.mean(-1), (w * want).sum(-1) / w.sum(-1))


@pytest.mark.parametrize("objective", WEIGHABLE)
def test_gradients_are_those_of_the_weighted_mean_and_none_reaches_the_weights(
    objective, posterior, reconstruction, log_weights
) -> None:
    settings = {"estimator": "balanced"} if objective is losses.BetaTCVAE else {}
    inputs = [t.clone().requires_grad_() for t in (reconstruction, *posterior)]
    weights = log_weights.clone().requires_grad_()
    made(objective, **settings)(*inputs, log_weights=weights).loss.mean(-1).sum().backward()
    assert weights.grad is None
    other = [t.clone().requires_grad_() for t in (reconstruction, *posterior)]
    _, z, mu, logvar = other
    w = log_weights.exp() / log_weights.exp().sum(-1, keepdim=True)
    if objective is losses.BetaTCVAE:
        options = {"dataset_size": 1000, "estimator": "balanced", "log_weights": log_weights}
        mi, tc, dimwise = reference.kl_decomposition(z, mu, logvar, **options)
        loss = other[0] + mi + 3 * tc + dimwise
    else:
        loss = other[0] + 3 * reference.gaussian_kl(mu, logvar).sum(-1)
    (w * loss).sum().backward()
    for mine, theirs in zip(inputs, other, strict=True):
        assert (mine.grad is None) == (theirs.grad is None)  # a KL in closed form does not know z
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, theirs.grad)


def test_one_row_of_weights_serves_all_models_and_more_axes_are_refused(posterior, reconstruction, log_weights) -> None:
    one = losses.BetaVAE()(reconstruction, *posterior, log_weights=log_weights[0])
    every = losses.BetaVAE()(reconstruction, *posterior, log_weights=log_weights[:1].expand(2, 31))
    assert torch.equal(one.loss, every.loss)
    alone = [t[0] for t in posterior]
    with pytest.raises(
        ValueError, match=r"log_weights must broadcast to the shape of the terms, \[31\], got \[2, 31\]"
    ):
        losses.BetaVAE()(reconstruction[0], *alone, log_weights=log_weights)
