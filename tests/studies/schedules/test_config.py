"""Presets, settings and the groups of models that follow from them."""

import pytest

from pyvae.nn import StackedConvVAE, StackedVAE
from pyvae.studies.schedules import PRESETS, STUDY, SchedulesConfig
from pyvae.studies.schedules.recipe import recipes
from pyvae.studies.schedules.runs import ANNEALED, CONSTANT, FROM_100, FROM_10000, RUNS


@pytest.mark.parametrize("name", PRESETS)
def test_json_gives_back_every_preset(name) -> None:
    assert SchedulesConfig.from_json(PRESETS[name].to_json()) == PRESETS[name]


def test_presets_are_the_sources_runs_at_its_settings() -> None:
    for config in PRESETS.values():
        assert (config.training.batch_size, config.training.learning_rate, config.model.latents) == (64, 5e-4, 32)
        assert config.axes.betas == (1, 10, 100, 1000, 10_000)
    quick, full, source = (PRESETS[name] for name in ("quick", "full", "source"))
    assert STUDY.default_preset == "quick" and quick.training.steps * 10 == full.training.steps == 50_000
    assert source.model.network == "conv" and source.model.channels == (32,) * 4 and source.model.hidden == (256, 256)
    assert PRESETS["per-pixel"].axes.scale == pytest.approx(1024 / 12_288)


def test_celeba_needs_its_files_only() -> None:
    config = PRESETS["source"].overridden(["data=celeba", "data_path=/data/celeba"])
    assert (config.data.data, config.data.data_path) == ("celeba", "/data/celeba")


def test_every_schedule_is_a_group_with_steps_of_its_own() -> None:
    config = PRESETS["quick"].replaced(steps=400, seeds=(0, 1), scale=0.5, side=16)
    groups = recipes(config)
    assert tuple(groups) == tuple(RUNS)
    assert [len(group.cells) for group in groups.values()] == [10, 2, 2, 2] and config.models == 16
    assert [group.settings.steps for group in groups.values()] == [400, 400, 400, 1000]
    assert {cell.strength for cell in groups[CONSTANT].cells} == {0.5, 5, 50, 500, 5000}
    ends = {name: [cell.strength for cell in groups[name].cells] for name in (ANNEALED, FROM_100, FROM_10000)}
    assert ends == {ANNEALED: [5, 5], FROM_100: [0.5, 0.5], FROM_10000: [0.5, 0.5]}
    assert groups[FROM_100].objective_settings["schedule"] == "linear(100, 1, 317)"
    assert all(group.warning is None and group.axes == ("bias", "beta") for group in groups.values())


def test_networks_are_mlps_or_the_sources_convolutions() -> None:
    mlp, conv = (
        recipes(PRESETS["full"].replaced(network=network, side=16))[CONSTANT].model(1, None)
        for network in ("mlp", "conv")
    )
    assert type(mlp) is StackedVAE and mlp.hidden == (256, 256) and mlp.inputs == 256
    assert type(conv) is StackedConvVAE and conv.shape == (16, 16) and conv.hidden == (256, 256)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("network=rnn", "network must be mlp or conv, got 'rnn'"),
        ("scale=0", "scale must be greater than 0, got 0"),
        ("betas=-1", "betas must be at least 0, got -1"),
        ("data=celeba", "data_path must be the file or folder of celeba, got none"),
        ("points=3", "points must be at least 32, got 3"),
    ],
)
def test_refusals_name_the_setting(override, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        PRESETS["quick"].overridden([override])
