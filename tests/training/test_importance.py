"""Importance-weighted training: a recipe that weighs its images."""

import dataclasses
import sys

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from pyvae.data import Bias, Skew, Sprites, stacked_log_weights
from pyvae.losses import BetaTCVAE, BetaVAE, FactorVAE
from pyvae.ops import reparameterize
from pyvae.training import Recipe
from pyvae.training.cells import stream
from pyvae.training.chunk import STEPS, Chunk
from pyvae.training.train import train
from tests.training.recipes import sprite_recipe

SKEWED = Bias(Skew("x", 3.0))


def weighed(recipe: Recipe, bias: Bias = SKEWED) -> Recipe:
    """The recipe on biased images that are weighed."""
    return dataclasses.replace(
        recipe,
        bias=lambda cells: bias,
        log_weights=lambda cells, factors: stacked_log_weights(factors, recipe.data, bias),
    )


def beta_vaes(**settings: object) -> Recipe:
    return dataclasses.replace(sprite_recipe(**settings), objective=BetaVAE, objective_settings={})


@pytest.mark.parametrize("way", STEPS)
def test_a_weighed_model_is_plain_torch(monkeypatch, way) -> None:
    """Against a plain loop whose loss is sum w (reconstruction + beta KL) / sum w."""
    recipe = weighed(beta_vaes(steps=4))
    cell = recipe.cells[1]
    recipe = dataclasses.replace(recipe, cells=(cell,))
    start = Chunk.initialised([cell], [0], recipe, way).model
    parameters = [p[0].detach().clone().requires_grad_() for p in start.parameters()]
    adam = torch.optim.Adam(parameters, lr=recipe.settings.learning_rate)
    base = {name: stream([cell], f"training {name}") for name in (*recipe.data.streams, "codes")}
    for step in range(recipe.settings.steps):
        drawn = recipe.data.draw(recipe.settings.batch_size, {n: s + step for n, s in base.items()}, SKEWED)
        x, weights = drawn.images[0], SKEWED.weights(drawn.factors[0], recipe.data).float()
        w1, b1, w2, b2, v1, c1, v2, c2 = parameters
        mu, logvar = linear(linear(x, w1.T, b1[0]).relu(), w2.T, b2[0]).chunk(2, -1)
        z = reparameterize(mu, logvar, seed=int(base["codes"]) + step)
        logits = linear(linear(z, v1.T, c1[0]).relu(), v2.T, c2[0])
        off = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
        adam.zero_grad()
        ((weights * (off + cell.strength * kl)).sum() / weights.sum()).backward()
        adam.step()
    monkeypatch.setattr(sys.modules[train.__module__], "stepping_of", lambda *_: way)
    trained = train(recipe)
    for mine, theirs in zip(trained.model.parameters(), parameters, strict=True):
        torch.testing.assert_close(mine[0], theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("objective", [BetaVAE, BetaTCVAE])
@pytest.mark.parametrize("way", STEPS)
def test_equal_weights_train_as_none(monkeypatch, way, objective) -> None:
    monkeypatch.setattr(sys.modules[train.__module__], "stepping_of", lambda *_: way)
    settings = {"dataset_size": 500, "estimator": "balanced"} if objective is BetaTCVAE else {}
    plain = dataclasses.replace(sprite_recipe(), objective=objective, objective_settings=settings)
    equal = dataclasses.replace(plain, log_weights=lambda cells, factors: torch.full(factors.shape[:-1], 3.7))
    one, other = train(plain), train(equal)
    for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)
    curves = [torch.tensor(t.curves.table(t.cells, ("bias", "beta"))["loss"].to_pylist()) for t in (one, other)]
    torch.testing.assert_close(*curves, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("objective", [BetaVAE, BetaTCVAE])
def test_validation_is_on_unbiased_images_however_few_weights_count(objective) -> None:
    """Where hardly an image of a batch has a weight, early stopping by weighted means would go by that image."""
    strong = Bias(Skew("x", 30.0))
    settings = {"dataset_size": 500, "estimator": "balanced"} if objective is BetaTCVAE else {}
    made = sprite_recipe(patience=2, validation_images=64)
    recipe = dataclasses.replace(weighed(made, strong), objective=objective, objective_settings=settings)
    assert strong.effective_share(recipe.data) < 1e-6
    chunk = Chunk.initialised(recipe.cells, range(len(recipe.cells)), recipe, "autograd")
    terms = chunk.validate()
    chunk.recipe = dataclasses.replace(recipe, bias=lambda cells: None, log_weights=None)
    assert torch.equal(terms, chunk.validate())
    chunk.recipe = dataclasses.replace(recipe, log_weights=None)
    assert not torch.equal(terms, chunk.validate())


def test_training_curves_are_weighted_means() -> None:
    """Of images that are biased, the reconstruction at the first step is that of unbiased images."""
    recipe = weighed(beta_vaes(batch_size=4096))
    others = {
        "weighed": recipe,
        "biased": dataclasses.replace(recipe, log_weights=None),
        "unbiased": dataclasses.replace(recipe, bias=lambda cells: None, log_weights=None),
    }
    found = {}
    for name, one in others.items():
        chunk = Chunk.initialised(recipe.cells, range(len(recipe.cells)), one, "autograd")
        with torch.no_grad():  # a decoder whose error depends on where a sprite lies, whatever its code
            chunk.model.decoder[-1].bias += torch.linspace(-2, 2, recipe.data.shape[1]).repeat(recipe.data.shape[0])
        chunk.run(0, 1)
        found[name] = chunk.take_sums()[recipe.terms.index("reconstruction")]
    off, bias = ((found[name] - found["unbiased"]).abs() for name in ("weighed", "biased"))
    assert (bias > 5).all() and (off < 0.2 * bias).all()


def test_models_in_company_train_as_alone() -> None:
    recipe = weighed(sprite_recipe())
    recipe = dataclasses.replace(recipe, objective_settings={"dataset_size": 500, "estimator": "mws"})
    together = train(recipe)
    for k, cell in enumerate(recipe.cells):
        alone = train(dataclasses.replace(recipe, cells=(cell,)))
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[k], q[0])


def test_an_objective_without_a_weighted_form_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="log_weights must be None for factor-vae, which has no importance-weighted"):
        dataclasses.replace(weighed(beta_vaes()), objective=FactorVAE)


def test_each_model_gets_the_weights_of_its_bias() -> None:
    data = Sprites(sizes=(3, 2, 4, 4, 4), side=16)
    factors: Tensor = data.draw(50, {n: torch.arange(3) for n in data.streams}, (SKEWED, Bias.none, SKEWED)).factors
    found = stacked_log_weights(factors, data, (SKEWED, Bias.none, SKEWED))
    assert found.dtype == torch.float64 and bool((found[1] == 0).all())
    for k in (0, 2):
        assert torch.equal(found[k], SKEWED.log_weights(factors[k], data))
    with pytest.raises(ValueError, match="bias must be one for all or one for each of 3 models, got 2"):
        stacked_log_weights(factors, data, (SKEWED, SKEWED))
