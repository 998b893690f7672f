"""Objectives that keep a row of every image: alone, in company, stopped and resumed, and in validation."""

import dataclasses
import sys

import pytest
import torch

from pyvae.data import BlockGrid, Sprites
from pyvae.errors import Interrupted
from pyvae.losses import BetaTCVAE
from pyvae.training import Checkpoints, Recipe, train
from pyvae.training.chunk import STEPS, Chunk
from pyvae.training.train import Training
from tests.training.recipes import sprite_recipe
from tests.training.test_train import assert_same

IMAGES = 3 * 2 * 2 * 4 * 4
DATA = Sprites((3, 2, 2, 4, 4), 16)


def bank_recipe(**settings: object) -> Recipe:
    """Models of few images, so that a bank is full after some steps, and minibatches have images twice."""
    objective_settings = {"estimator": "bank", "dataset_size": IMAGES}
    recipe = sprite_recipe(**settings)
    return dataclasses.replace(
        recipe, data=DATA, bias=lambda cells: None, objective=BetaTCVAE, objective_settings=objective_settings
    )


@pytest.fixture(params=sorted(STEPS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: request.param)
    return str(request.param)


def a_chunk(recipe: Recipe, way: str) -> Chunk:
    return Chunk.initialised(recipe.cells, range(len(recipe.cells)), recipe, way)


def test_models_are_the_same_alone_and_in_company(way: str) -> None:
    """With banks that are full, each from another step on."""
    whole = bank_recipe(steps=160)
    together = train(whole)
    for place, cell in enumerate(together.cells):
        alone = train(dataclasses.replace(whole, cells=(cell,)))
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[place], q[0])


def test_banks_are_full_after_some_steps(way: str) -> None:
    chunk = a_chunk(bank_recipe(), way)
    chunk.run(0, 160)
    assert bool((chunk.companions.kept["objective.bank.seen"] >= 0).all())


@pytest.mark.parametrize("patience", [None, 1])
def test_training_that_was_stopped_ends_with_the_same_bits(tmp_path, step_by_step, way, patience) -> None:
    whole = bank_recipe(patience=patience, steps=160, validate_every=60, curve_every=40)
    reference, steps = train(whole), iter(range(1000))
    with pytest.raises(Interrupted):
        train(whole, checkpoints=Checkpoints(tmp_path), should_stop=lambda: next(steps) == 130)
    assert_same(train(whole, checkpoints=Checkpoints(tmp_path)), reference)


def test_every_models_rows_are_those_of_its_own_images(way: str) -> None:
    recipe = bank_recipe()
    chunk = a_chunk(recipe, way)
    chunk.run(0, 40)
    filled, mu = chunk.companions.kept["objective.bank.seen"] >= 0, chunk.companions.kept["objective.bank.mu"]
    assert mu.shape[:2] == (len(recipe.cells), IMAGES) and bool((filled.float().mean(-1) > 0.9).all())
    codes, _ = chunk.model.encode(DATA.test_images(torch.arange(IMAGES)).expand(len(recipe.cells), -1, -1))
    own, others = ((c - mu)[filled].square().mean() for c in (codes, codes.flip(1)))
    assert own < 0.5 * others  # stale by some steps, and of the right image


def test_validation_leaves_the_bank_as_it_is(way: str) -> None:
    chunk = a_chunk(bank_recipe(), way)
    chunk.run(0, 5)
    before = {name: tensor.clone() for name, tensor in chunk.companions.kept.items()}
    assert bool(chunk.validate().isfinite().all())
    assert all(torch.equal(before[name], tensor) for name, tensor in chunk.companions.kept.items())
    chunk.run(5, 6)
    assert not torch.equal(before["objective.bank.updates"], chunk.companions.kept["objective.bank.updates"])


def test_what_has_no_rows_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="data must have a count for beta-tcvae that keeps something of every image"):
        dataclasses.replace(bank_recipe(), data=BlockGrid())
    with pytest.raises(ValueError, match="bias must be None for beta-tcvae that keeps something of every image"):
        dataclasses.replace(bank_recipe(), bias=lambda cells: [None] * len(cells))
