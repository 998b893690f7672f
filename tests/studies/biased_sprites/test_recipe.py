"""Groups of models as the engine gets them."""

import torch

from pyvae.losses import BetaTCVAE, BetaVAE
from pyvae.studies.biased_sprites.recipe import recipes
from pyvae.training.cells import stream
from pyvae.training.train import train
from tests.studies.biased_sprites.tiny import TINY, tiny


def test_groups_differ_in_objective_bias_and_weights_alone() -> None:
    found = recipes(TINY)
    assert all(recipe.axes == ("bias", "beta") for recipe in found.values())
    assert found["beta-vae"].objective is BetaVAE and found["beta-tcvae"].objective is BetaTCVAE
    assert found["beta-tcvae"].objective_settings["dataset_size"] == TINY.data.open().count
    plain, weighted = found["beta-vae-skew"], found["beta-vae-skew-weighted"]
    assert plain.cells == weighted.cells and plain.log_weights is None
    seeds = {"factors": stream(plain.cells, "training factors")}
    drawn = plain.data.draw(50, seeds, plain.bias(plain.cells))
    assert torch.equal(drawn.images, weighted.data.draw(50, seeds, weighted.bias(weighted.cells)).images)
    assert weighted.log_weights is not None
    x = torch.arange(4) / 3
    p = torch.exp(2.0 * x) / torch.exp(2.0 * x).sum()
    expected = -(4 * p[drawn.factors[..., 3]]).log().double()
    torch.testing.assert_close(weighted.log_weights(weighted.cells, drawn.factors), expected, rtol=1e-5, atol=1e-5)


def test_weights_change_what_a_model_learns() -> None:
    found = recipes(tiny("skews=5", "betas=1"))
    for objective in ("beta-vae", "beta-tcvae"):
        plain, weighted = (train(found[f"{objective}-skew{end}"]).model for end in ("", "-weighted"))
        assert any(not torch.equal(p, q) for p, q in zip(plain.parameters(), weighted.parameters(), strict=True))
