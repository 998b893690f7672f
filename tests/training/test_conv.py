"""Convolutional models in the engine: by autograd, one to a chunk, with the same bits in one go or resumed."""

import dataclasses

import pytest
import torch

from pyvae.errors import Interrupted
from pyvae.training import Checkpoints, train
from pyvae.training.groups import initial_chunks
from tests.training.recipes import conv_recipe
from tests.training.test_train import assert_same, rows


def test_convolutional_models_learn() -> None:
    trained = train(conv_recipe(steps=60, validate_every=30, learning_rate=0.003))
    assert trained.stepping == ("autograd",)
    for cell in trained.cells:
        elbo = [row["elbo"] for row in rows(trained, "validation") if row["beta"] == cell.strength]
        assert elbo[0] < elbo[-1]


def test_they_are_trained_one_to_a_chunk() -> None:
    chunks = initial_chunks(conv_recipe(), 2, "autograd")
    assert [len(chunk.cells) for chunk in chunks] == [1] * 4


@pytest.mark.parametrize("patience", [None, 1])
def test_training_that_was_stopped_ends_with_the_same_bits(tmp_path, step_by_step, patience) -> None:
    recipe = conv_recipe(patience=patience, learning_rate=0.02)
    reference = train(recipe)
    steps = iter(range(100))
    with pytest.raises(Interrupted):
        train(recipe, checkpoints=Checkpoints(tmp_path), should_stop=lambda: next(steps) == 7)
    assert_same(train(recipe, checkpoints=Checkpoints(tmp_path)), reference)


def test_the_number_of_threads_changes_no_bit() -> None:
    recipe = conv_recipe()
    before = torch.get_num_threads()
    together = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            together.append(train(recipe))
    finally:
        torch.set_num_threads(before)
    assert_same(*together)
    alone = train(dataclasses.replace(recipe, cells=recipe.cells[2:3]))
    for p, q in zip(together[0].model.parameters(), alone.model.parameters(), strict=True):
        assert torch.equal(p[2], q[0])
