import numpy as np
import pytest

from pyvae.losses import OBJECTIVES as OF_LOSSES
from pyvae.studies import StudyError
from pyvae.studies.agreement import PRESETS, STUDY, AgreementConfig
from pyvae.studies.agreement.config import SWEEPS
from pyvae.studies.agreement.recipe import AXES, recipes
from pyvae.studies.agreement.texts import OBJECTIVES
from tests.studies.agreement.tiny import tiny


def test_presets_have_as_many_models_as_they_say() -> None:
    models = {name: sum(len(config.cells(sweep)) for sweep in SWEEPS) for name, config in PRESETS.items()}
    assert models["quick"] == 36 and models["laptop"] == 180
    assert next(iter(PRESETS)) == "quick" and not PRESETS["quick"].several_seeds
    assert PRESETS["laptop"].choices.discriminator == (256,) * 3
    assert PRESETS["large"].choices.discriminator == (1000,) * 6
    for config in PRESETS.values():
        assert config.training.batch_size == 64 and config.model.latents == 10
        assert all(len(config.strengths_of(sweep)) == 6 for sweep in SWEEPS)
        assert AgreementConfig.from_json(config.to_json()) == config


def test_every_objective_has_its_recipe_and_its_strengths() -> None:
    config = tiny("dip_vae_i=2,7", "capacity_gamma=3", "discriminator=32")
    made = recipes(config)
    assert tuple(made) == tuple(OBJECTIVES) == tuple(sweep.group for sweep in SWEEPS)
    for sweep in SWEEPS:
        recipe = made[sweep.group]
        assert recipe.objective is OF_LOSSES[sweep.objective] and recipe.axes == AXES
        assert {cell.strength for cell in recipe.cells} == set(config.strengths_of(sweep))
        assert {cell.bias for cell in recipe.cells} == {0.0} and recipe.bias(recipe.cells) is None
    assert {cell.strength for cell in made["dip-vae-i"].cells} == {2.0, 7.0}
    assert [made[f"dip-vae-{kind}"].of_strength_one.kind for kind in ("i", "ii")] == ["i", "ii"]
    assert made["controlled-capacity"].of_strength_one.gamma == 3
    assert made["factor-vae"].of_strength_one.discriminator == (32,)
    assert made["beta-tcvae"].of_strength_one.dataset_size == made["beta-tcvae"].data.count == 192


def test_what_grows_are_settings() -> None:
    assert set(STUDY.grows) == {"seeds", *(sweep.field for sweep in SWEEPS)}
    assert set(STUDY.grows) <= set(tiny().specs())


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("latents=1", "latents must be at least 2 for a gap between two, got 1"),
        ("patience=3", "patience must be none for factor-vae"),
        ("beta_vae=1,1", "beta_vae must not name a value twice"),
        ("points=20", "points must be at least 200"),
        ("capacity_schedule=slowly", "schedule"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_a_run(setting, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        recipes(tiny(setting))


def test_data_without_factors_are_refused(tmp_path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((300, 8, 8), np.float32))
    with pytest.raises(StudyError, match="data must have factors, which scores are about, got arrays without any"):
        recipes(tiny("data=arrays", f"data_path={tmp_path / 'images.npy'}"))
