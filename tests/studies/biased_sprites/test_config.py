"""The study's settings, and the groups of models that follow from them."""

import pytest

from pyvae.studies.biased_sprites.config import KINDS, PRESETS, BiasedSpritesConfig
from tests.studies.biased_sprites.tiny import TINY, tiny


def test_every_objective_has_unbiased_biased_and_weighted_models() -> None:
    names = [group.name for group in TINY.groups]
    assert names[:6] == [
        "beta-vae", "beta-vae-skew", "beta-vae-correlate", "beta-vae-remove",
        "beta-vae-skew-weighted", "beta-vae-correlate-weighted",
    ]  # fmt: skip
    assert names[6:] == [name.replace("beta-vae", "beta-tcvae") for name in names[:6]]
    assert not any(group.weighted and group.kind is not None and not group.kind.weighable for group in TINY.groups)


def test_cells_are_every_bias_beta_and_seed() -> None:
    config = tiny("skews=6,2", "seeds=0,1")
    unbiased, skewed = config.groups[:2]
    assert {cell.bias for cell in config.cells(unbiased)} == {0.0} and len(config.cells(unbiased)) == 4
    assert [cell.bias for cell in config.cells(skewed)[::2]] == [2.0, 6.0, 2.0, 6.0]


def test_presets_go_to_files_and_back() -> None:
    assert next(iter(PRESETS)) == "quick"
    for preset in PRESETS.values():
        assert BiasedSpritesConfig.from_json(preset.to_json()) == preset
        assert preset.reference == 1
        assert all(preset.biases_of(kind) for kind in KINDS)
        assert preset.choices.warmup_steps < preset.training.steps


@pytest.mark.parametrize(("betas", "reference"), [("2,8", 2), ("0.5,2", 0.5), ("0,4", 4), ("1,2", 1)])
def test_the_reference_is_the_beta_nearest_to_one(betas: str, reference: float) -> None:
    assert tiny(f"betas={betas}").reference == reference


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("skews=0,2", "skews must be greater than 0, got 0"),
        ("removals=1.5", "removals must be at most 1, got 1.5"),
        ("correlated=x", "correlated must be two different factors, got x"),
        ("removed=x,x", "removed must be two different factors, got x, x"),
        ("latents=1", "latents must be at least 2 for a gap between two, got 1"),
        ("betas=1,-1", "betas must be at least 0, got -1"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(override: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        tiny(override)
