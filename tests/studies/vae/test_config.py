"""Settings of the vae study, and what follows from them."""

import math

import numpy as np
import pytest
import torch

from pyvae.losses import OBJECTIVES, BernoulliReconstruction, GaussianReconstruction
from pyvae.studies import StudyError
from pyvae.studies.vae import PRESETS, STUDY, VAEConfig
from pyvae.studies.vae.recipe import recipes
from tests.studies.vae.tiny import tiny


@pytest.mark.parametrize("name", PRESETS)
def test_json_gives_back_every_preset(name) -> None:
    assert VAEConfig.from_json(PRESETS[name].to_json()) == PRESETS[name]


def test_quick_is_twelve_models_of_small_sprites() -> None:
    quick = PRESETS[STUDY.default_preset]
    assert len(quick.cells()) == 12 and (quick.data.data, quick.data.side) == ("sprites", 16)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_its_strengths_and_a_recipe(name) -> None:
    config = PRESETS["quick"].replaced(objective=name)
    assert config.axes.strengths == (OBJECTIVES[name].tried or (1, 2, 4, 8))
    assert config.replaced(objective="beta-vae").axes.strengths == (1, 2, 4, 8)
    assert PRESETS["quick"].replaced(objective=name, betas=(3,)).axes.strengths == (3,)
    (recipe,) = recipes(config).values()
    assert recipe.axes == ("bias", OBJECTIVES[name].strength) and recipe.objective is OBJECTIVES[name]
    assert recipe.objective_settings.get("dataset_size") == (6144 if name == "beta-tcvae" else None)


def test_the_likelihood_is_a_setting_and_whole_where_it_is_measured() -> None:
    bernoulli, gaussian = tiny().likelihood, tiny("likelihood=gaussian", "noise_variance=0.1").likelihood
    assert isinstance(bernoulli.module, BernoulliReconstruction) and bernoulli.constant(64) == 0
    assert isinstance(gaussian.module, GaussianReconstruction) and gaussian.link is None
    x, mean = torch.rand(2, 5, 8)
    whole = -torch.distributions.Normal(mean, math.sqrt(0.1)).log_prob(x).sum(-1)
    torch.testing.assert_close(gaussian.module(x, mean) + gaussian.constant(8), whole)


def test_scores_are_few_named_or_none() -> None:
    def names(metrics: str, config: VAEConfig) -> list[str]:
        config = config.overridden([f"metrics={metrics}"])
        return [metric.name for metric in config.evaluation.scores_of(config.data.open())]

    assert names("few", tiny()) == ["mig", "dci", "linear_r2"] and names("none", tiny()) == []
    assert names("sap, mine", tiny()) == ["sap", "mine"]


def test_data_without_factors_have_scores_that_need_none(tmp_path) -> None:
    np.save(tmp_path / "mine.npy", np.full((40, 8, 8), 255, np.uint8))
    own = ["data=arrays", f"data_path={tmp_path / 'mine.npy'}"]
    for metrics in ("few", "none", "wasserstein_correlation"):
        recipes(tiny(*own, f"metrics={metrics}"))
    with pytest.raises(StudyError, match=r"metrics must be scores without factors, .*, got mig, sap$"):
        recipes(tiny(*own, "metrics=mig,active_latents,sap"))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("metrics=migs", "metrics must be among active_latents, .*, got 'migs'"),
        ("metrics=", "metrics must be among .*, got ''"),
        ("likelihood=poisson", "likelihood must be bernoulli or gaussian, got 'poisson'"),
        ("noise_variance=0", "noise_variance must be greater than 0, got 0"),
        ("points=3", "points must be at least 32, got 3"),
        ("gamma=3", "gamma is an axis of the study: set strengths"),
        ("mus=1", "unknown field 'mus'"),
    ],
)
def test_refusals_name_the_setting(setting, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        tiny(setting)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["data=block-grid"], "likelihood must be gaussian for block-grid, whose images go beyond 0 to 1"),
        (["objective=beta-tcvae", "batch_size=256"], "batch_size and validation_images must be at most .*, 192, got"),
        (["data=arrays", "data_path=/none.npy"], "/none.npy"),
    ],
)
def test_what_the_data_do_not_allow_is_one_sentence(settings, sentence) -> None:
    with pytest.raises(StudyError, match=sentence):
        recipes(tiny(*settings))


def test_a_bank_is_of_images_that_can_be_counted() -> None:
    (recipe,) = recipes(tiny("objective=beta-tcvae", "estimator=bank")).values()
    assert recipe.of_strength_one.indexed and recipe.objective_settings["dataset_size"] == recipe.data.count
    with pytest.raises(StudyError, match="estimator must be mss, mws or balanced for images that are drawn on the fly"):
        recipes(tiny("data=block-grid", "likelihood=gaussian", "objective=beta-tcvae", "estimator=bank"))
    with pytest.raises(StudyError, match="dataset_size must be the number of images, 192, for the estimator bank"):
        recipes(tiny("objective=beta-tcvae", "estimator=bank", "dataset_size=500"))
