"""Models as pages see them."""

import torch

from pyvae.data import Bias, Remove, Skew, Sprites
from pyvae.pages.run import open_run
from pyvae.studies import load_models
from tests.pages.runs import run, trained_in
from tests.studies.biased_grid.tiny import tiny


def test_a_run_is_its_folders_models(tmp_path) -> None:
    config = tiny("steps=12")
    trained_in(tmp_path / "mine", config)
    held, trained = open_run(tmp_path / "mine"), load_models(tmp_path / "mine")
    assert (held.name, held.study, held.config) == ("mine", "biased-grid", config)
    assert [member.cell for member in held.members] == list(trained.cells)
    x = torch.rand(4, config.grid.size)
    torch.testing.assert_close(held.members[3].model.encode(x)[0], trained.model.encode(x)[0][3])
    curve = held.curves(held.members[3])
    assert curve["step"][-1] == 12 and set(curve["split"]) == {"train"} and set(curve["beta"]) == {5.0}


def test_logits_are_shown_as_images_and_scored_as_logits() -> None:
    member = run(steps=1).members[0]
    z = torch.randn(5, 3)
    torch.testing.assert_close(member.model.decode(z), member.decoder.decode(z).sigmoid())


def test_what_training_never_draws_is_told_by_its_bias() -> None:
    biased, plain = run(steps=1, removed=1).members[0], run(steps=1).members[0]
    truth = biased.data.test_factors()
    assert torch.equal(biased.never_drawn(truth), biased.data.labels()[:, 0] == 1)
    assert plain.never_drawn(truth) is None
    assert biased.biased and not plain.biased


def test_a_model_is_biased_where_its_bias_changes_something(tmp_path) -> None:
    shifted = open_run(trained_in(tmp_path / "mine", tiny("steps=1", "seeds=0", "betas=1")))
    assert [(member.cell.bias, member.biased) for member in shifted.members] == [(0.0, False), (2.5, True)]
    for strength, biased in ((0.0, False), (0.5, True)):
        skewed = Bias(Skew("colour", strength))
        assert run(steps=1, bias=lambda cells, skewed=skewed: [skewed] * len(cells)).members[0].biased == biased


def test_of_independent_factors_it_is_told_by_their_values() -> None:
    sprites = Sprites(sizes=(3, 2, 4, 4, 4), side=16)
    bias = Bias(Remove({"shape": [2], "x": [0, 1]}))
    member = run(steps=1, data=sprites, bias=lambda cells: [bias] * len(cells)).members[0]
    labels = sprites.labels()
    expected = (labels[:, 0] == 2) & (labels[:, [factor.name for factor in sprites.factors].index("x")] < 2)
    assert torch.equal(member.never_drawn(sprites.test_factors()), expected)
