"""A run that is asked for more: what is new is trained, what is there stays, and all ends as if asked for at once."""

import dataclasses

import pytest
import torch

from pyvae.errors import Interrupted
from pyvae.training import Recipe, Trained, train
from pyvae.training.checkpoint import Checkpoints
from pyvae.training.cohorts import restored_all, train_all
from tests.training.recipes import grid_recipe

SMALL = ("mus=0", "seeds=0")


def assert_same_models(a: Trained, b: Trained) -> None:
    assert a.cells == b.cells and torch.equal(a.steps, b.steps) and torch.equal(a.best_step, b.best_step)
    for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
        assert torch.equal(p, q)


def table(trained: Trained, recipe: Recipe):
    return trained.curves.table(trained.cells, recipe.axes)


def test_added_cells_are_trained_beside_those_that_are_there(tmp_path) -> None:
    first, all_of_them = grid_recipe(*SMALL), grid_recipe()
    train_all(first, Checkpoints(tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.manifest")}
    grown = train_all(all_of_them, Checkpoints(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.manifest")} == before  # not touched again
    at_once = train(all_of_them)
    assert_same_models(grown, at_once)
    assert table(grown, all_of_them).equals(table(at_once, all_of_them))
    assert_same_models(restored_all(all_of_them, Checkpoints(tmp_path)), at_once)
    assert_same_models(train_all(all_of_them, Checkpoints(tmp_path)), at_once)


def test_more_steps_go_on_from_where_it_ended(tmp_path) -> None:
    longer = grid_recipe(*SMALL, "steps=40")
    train_all(grid_recipe(*SMALL, "steps=23"), Checkpoints(tmp_path))
    grown, at_once = train_all(longer, Checkpoints(tmp_path)), train(longer)
    assert_same_models(grown, at_once)
    rows = [row for row in table(grown, longer).to_pylist() if row["split"] == "train" and row["beta"] == 5]
    assert [row["step"] for row in rows] == [5, 10, 15, 20, 23, 25, 30, 35, 40]
    whole = [row for row in table(at_once, longer).to_pylist() if row["split"] == "train" and row["beta"] == 5]
    parts = (3 * rows[4]["loss"] + 2 * rows[5]["loss"]) / 5  # the steps 21 to 25, in two points
    assert parts == pytest.approx(whole[4]["loss"], rel=1e-5)


def test_cells_and_steps_can_be_added_at_once_and_be_interrupted_anywhere(tmp_path, step_by_step) -> None:
    larger = grid_recipe("steps=31")
    train_all(grid_recipe(*SMALL), Checkpoints(tmp_path))
    for _ in range(20):
        steps = iter(range(100))
        try:
            grown = train_all(larger, Checkpoints(tmp_path), should_stop=lambda steps=steps: next(steps) == 7)
        except Interrupted:
            half_way = restored_all(larger, Checkpoints(tmp_path))
            assert set(half_way.cells) <= set(larger.cells) and half_way.model.models == len(half_way.cells)
            continue
        break
    assert_same_models(grown, train(larger))


def test_curves_that_are_saved_on_the_way_are_those_of_all_cohorts(tmp_path) -> None:
    recipe, saved = grid_recipe(), []
    train_all(grid_recipe(*SMALL), Checkpoints(tmp_path))
    train_all(recipe, Checkpoints(tmp_path), on_checkpoint=saved.append)
    cells = {(row["mu"], row["beta"], row["seed"]) for row in saved[-1].table(recipe.cells, recipe.axes).to_pylist()}
    assert len(cells) == len(recipe.cells)


def test_checkpoints_of_earlier_versions_hold_all_cells(tmp_path) -> None:
    recipe = grid_recipe(*SMALL)
    trained = train_all(recipe, Checkpoints(tmp_path))
    checkpoints = Checkpoints(tmp_path)
    tensors, state = checkpoints.load()
    del state["cells"]
    checkpoints.save(tensors, state)
    assert_same_models(restored_all(recipe, Checkpoints(tmp_path)), trained)
    assert dataclasses.astuple(recipe.cells[0]) == (0.0, 0.5, 0)
