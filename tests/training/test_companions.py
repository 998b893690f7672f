"""What is trained beside the models: a discriminator, a learned variance; alone, in company, stopped and resumed."""

import dataclasses
import sys

import pytest
import torch

from pyvae.errors import Interrupted
from pyvae.losses import BetaVAE, DenoisingAutoencoder, FactorVAE, GaussianReconstruction, InfoVAE
from pyvae.nn import StackedHierarchicalVAE
from pyvae.training import Checkpoints, Trained, train
from pyvae.training.chunk import STEPS
from pyvae.training.cohorts import train_all
from pyvae.training.train import Training
from tests.training.recipes import companion_recipe as recipe
from tests.training.test_train import assert_same, rows


def assert_all_same(a: Trained, b: Trained) -> None:
    assert_same(a, b)
    assert a.beside.keys() == b.beside.keys() and a.beside
    for name in a.beside:
        assert torch.equal(a.beside[name], b.beside[name]), name


# Early stopping is refused to objectives of whose loss a part learns.
WAYS = pytest.mark.parametrize(("patience", "objective"), [(None, FactorVAE), (1, BetaVAE)])


@WAYS
def test_companions_are_the_same_alone_and_in_company(patience, objective) -> None:
    whole = recipe(objective=objective, patience=patience, learning_rate=0.02)
    together = train(whole)
    for place, cell in enumerate(together.cells):
        alone = train(dataclasses.replace(whole, cells=(cell,)))
        for name, values in together.beside.items():
            assert torch.equal(values[place], alone.beside[name][0]), name
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[place], q[0])


@WAYS
def test_training_that_was_stopped_ends_with_the_same_bits(tmp_path, step_by_step, patience, objective) -> None:
    whole = recipe(objective=objective, patience=patience, learning_rate=0.02)
    reference, steps = train(whole), iter(range(100))
    with pytest.raises(Interrupted):
        train(whole, checkpoints=Checkpoints(tmp_path), should_stop=lambda: next(steps) == 7)
    assert_all_same(train(whole, checkpoints=Checkpoints(tmp_path)), reference)


def test_cells_that_come_later_bring_theirs(tmp_path) -> None:
    whole = recipe()
    train_all(dataclasses.replace(whole, cells=whole.cells[:2]), Checkpoints(tmp_path))
    assert_all_same(train_all(whole, Checkpoints(tmp_path)), train(whole))


def test_a_variance_is_learned_for_each_model() -> None:
    trained = train(recipe(steps=300, learning_rate=0.01))
    variances = trained.beside["likelihood.log_variance"].exp().flatten()
    assert len(variances.unique()) == 4 and (variances < 0.3).all()  # from 1, towards the images' error
    (group,) = [name for name in trained.beside if name.endswith("layers.0.weight")]
    assert trained.beside[group].shape == (4, 4, 16)


def test_the_discriminator_learns_beside_both_kinds_of_step(monkeypatch) -> None:
    """With the same likelihood the two ways take the same steps, but for rounding."""
    found = {}
    for way in STEPS:
        monkeypatch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_, way=way: way)
        found[way] = train(recipe(GaussianReconstruction(0.1)))
        assert found[way].stepping == (way,)
    for name, values in found["fused"].beside.items():
        assert torch.allclose(values, found["autograd"].beside[name], rtol=1e-3, atol=1e-4)


def test_objectives_that_draw_do_it_from_the_models_own_streams() -> None:
    for objective in (InfoVAE, DenoisingAutoencoder):
        together = train(recipe(GaussianReconstruction(0.1), objective))
        alone = train(dataclasses.replace(recipe(GaussianReconstruction(0.1), objective), cells=together.cells[2:3]))
        for p, q in zip(together.model.parameters(), alone.model.parameters(), strict=True):
            assert torch.equal(p[2], q[0])


def test_a_deterministic_objective_has_no_elbo_and_learns() -> None:
    trained = train(recipe(GaussianReconstruction(0.1), DenoisingAutoencoder, steps=200, learning_rate=0.003))
    assert trained.stepping == ("autograd",) and trained.beside == {}
    for cell in trained.cells:
        of = [row for row in rows(trained, "train") if (row["beta"], row["seed"]) == (cell.strength, cell.seed)]
        assert of[0]["loss"] > 1.2 * of[-1]["loss"] and all(row["elbo"] is None for row in of)


def test_a_model_with_terms_of_its_own_is_refused() -> None:
    hierarchical = dataclasses.replace(
        recipe(), model=lambda models, seeds: StackedHierarchicalVAE(models, 256, (16,), (4, 2), seeds=seeds)
    )
    with pytest.raises(ValueError, match=r"model must have one layer of codes.* got a StackedHierarchicalVAE"):
        train(hierarchical)


def test_early_stopping_is_refused_where_a_part_of_the_loss_learns() -> None:
    with pytest.raises(ValueError, match="patience must be none for factor-vae, of whose loss a part learns"):
        recipe(patience=1)


def test_a_likelihood_that_cannot_be_stacked_is_refused() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

    with pytest.raises(ValueError, match=r"likelihood must have no parameters, or for_models\(K\)"):
        recipe(Own())
