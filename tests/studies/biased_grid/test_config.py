import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from pyvae.studies.biased_grid import PRESETS, STUDY, BiasedGridConfig
from pyvae.studies.biased_grid.recipe import recipe
from pyvae.training import Cell

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PRESETS)
def test_json_gives_back_every_preset(name) -> None:
    assert BiasedGridConfig.from_json(PRESETS[name].to_json()) == PRESETS[name]
    assert PRESETS[name].preset == name


def test_presets_are_the_protocols_of_the_study() -> None:
    for config in (PRESETS["seed"], PRESETS["long"]):
        assert config.axes.mus == tuple(k / 2 for k in range(11)) and config.axes.strengths == (0.5, 1, 2, 5, 10)
        assert config.objective.objective == "beta-vae" and config.objective.options["kl"] == "sampled"
    seed, long = PRESETS["seed"], PRESETS["long"]
    assert (seed.training.steps, len(seed.cells())) == (10_000, 165)
    assert seed.training.patience is None and seed.objective.options["warmup_steps"] == 0
    quick = PRESETS["quick"]  # ends with an answer: a ramp, the closed form, two betas above 1 and three seeds
    assert quick.objective.options == {"kl": "closed_form", "warmup_steps": 2000, "schedule": "constant"}
    assert len([beta for beta in quick.axes.strengths if beta > 1]) >= 2 and len(quick.axes.seeds) == 3
    assert long.training.patience and long.objective.options["warmup_steps"] == 5000


def test_the_fine_preset_has_half_octaves_of_beta() -> None:
    betas = PRESETS["fine"].axes.strengths
    assert (betas[0], betas[-1], len(betas)) == (0.25, 32, 15) and {1.0, 2.0, 4.0} <= set(betas)
    assert all(b / a == pytest.approx(2**0.5, rel=1e-3) for a, b in itertools.pairwise(betas))
    assert len(PRESETS["fine"].axes.seeds) == 5 and len(PRESETS["fine"].cells()) == 450


def test_overrides_take_each_kind_of_field() -> None:
    changed = PRESETS["long"].overridden(
        ["steps=2_00", "betas=1, 5", "mus=0,2.5", "seeds=3", "kl=closed_form", "patience=none", "learning_rate=2e-3"],
    )
    axes, training = changed.axes, changed.training
    assert (training.steps, axes.strengths, axes.mus, axes.seeds) == (200, (1.0, 5.0), (0.0, 2.5), (3,))
    assert (changed.objective.options["kl"], training.patience, training.learning_rate) == ("closed_form", None, 0.002)
    assert changed.differing(changed.overridden(["steps=7"])) == ["steps"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("steps", "--set expects field=value, got 'steps'"),
        ("step=1", "unknown field 'step': did you mean steps"),
        ("colour=1", "unknown field 'colour': expected one of preset, mus, strengths, seeds, objective, kl, "),
        ("preset=long", "preset is not a field to set"),
        ("steps=many", "steps must be a whole number, got 'many'"),
        ("steps=1.5", "steps must be a whole number, got '1.5'"),
        ("steps=0", "steps must be at least 1, got 0"),
        ("betas=-1", "betas must be at least 0, got -1"),
        ("betas=1,,2", "betas must be numbers separated by commas, got '1,,2'"),
        ("betas=", "betas must be numbers separated by commas, got ''"),
        ("betas=1,1.0", "betas must not name a value twice, got 1, 1"),
        ("mus=nan", "mus must be finite, got nan"),
        ("seeds=-1", "seeds must be at least 0, got -1"),
        ("hidden=8,0", "hidden must be at least 1, got 0"),
        ("learning_rate=0", "learning_rate must be greater than 0, got 0"),
        ("noise_variance=-1", "noise_variance must be greater than 0, got -1"),
        ("patience=0", "patience must be at least 1 or none, got 0"),
        ("patience=soon", "patience must be a whole number or none, got 'soon'"),
        ("kl=exact", "kl must be closed_form or sampled, got 'exact'"),
        (
            "objective=vae",
            "objective must be beta-vae, beta-tcvae, factor-vae, dip-vae, info-vae, controlled-capacity, "
            "free-nats, autoencoder or denoising-autoencoder, got 'vae'",
        ),
        ("alpha=2", "alpha is a setting of beta-tcvae and info-vae, not of beta-vae"),
        ("beta=2", "beta is an axis of the study: set strengths"),
        ("blocks=4", "blocks must lie between 1 and 3, got 4"),
        ("information_images=31", "information_images must be at least 32, got 31"),
    ],
)
def test_wrong_overrides_are_one_sentence(override, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        PRESETS["quick"].overridden([override])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "config must be a JSON object, got list"),
        ('{"step": 1}', "unknown field 'step'"),
        ('{"steps": 1}', "config lacks the field 'preset'"),
        (PRESETS["quick"].to_json().replace("5000", '"5000"'), "steps must be a whole number, got '5000'"),
        (PRESETS["quick"].to_json().replace("5000", "true"), "steps must be a whole number, got True"),
    ],
)
def test_wrong_json_is_one_sentence(text, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        BiasedGridConfig.from_json(text)
    assert str(caught.value).startswith(sentence)


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown preset 'fast': expected one of quick, seed, long"):
        STUDY.preset("fast")


def test_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["quick"].training.steps = 3  # type: ignore[misc]


def test_another_objective_brings_its_own_settings_and_keeps_those_it_shares() -> None:
    changed = PRESETS["long"].overridden(["rtol=1e-3", "objective=beta-tcvae", "estimator=balanced"])
    assert changed.objective.objective == "beta-tcvae" and changed.strength == "beta"
    options = changed.objective.options
    assert (options["rtol"], options["estimator"], options["warmup_steps"]) == (1e-3, "balanced", 5000)
    assert "kl" not in options and BiasedGridConfig.from_json(changed.to_json()) == changed
    kept = changed.overridden(["objective=beta-vae"]).objective.options
    assert kept == {"kl": "closed_form", "warmup_steps": 5000, "schedule": "constant"}


def test_a_data_set_without_end_is_as_large_as_the_images_a_run_draws() -> None:
    config = PRESETS["quick"].overridden(["objective=beta-tcvae", "steps=70", "batch_size=10", "validation_images=99"])
    assert recipe(config).objective_settings["dataset_size"] == 700
    assert recipe(config.overridden(["dataset_size=99"])).objective_settings["dataset_size"] == 99
    assert recipe(config.overridden(["estimator=full"])).objective_settings["dataset_size"] is None


def test_configs_of_earlier_versions_are_read_unedited() -> None:
    text = Path(__file__).with_name("earlier_config.json").read_text()
    assert '"betas"' in text and '"objective"' not in text
    config, stored = BiasedGridConfig.from_json(text), json.loads(text)
    assert config.objective.objective == "beta-vae" and config.preset == stored.pop("preset")
    for name, value in stored.items():
        value = tuple(value) if isinstance(value, list) else value
        assert config.values()[config.ALIASES.get(name, name)] == value


def test_what_a_file_does_not_say_is_the_default() -> None:
    assert BiasedGridConfig.from_json('{"preset": "x", "steps": 7}') == BiasedGridConfig("x").replaced(steps=7)


def test_cells_are_every_combination_once() -> None:
    config = PRESETS["quick"].overridden(["seeds=0,4"])
    every = config.cells()
    assert len(every) == len(set(every)) == 30
    assert every[1] == Cell(0.0, 2.0, 0) and every[-1] == Cell(2.0, 4.0, 4)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("seeds=9223372036854775808", "seeds must fit in 64 bits"),
        ("mus=0,1e6", "mus must lie between -20 and 20"),
    ],
)
def test_numbers_no_run_could_use_are_refused_before_it(setting: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PRESETS["quick"].overridden([setting])


def test_a_schedule_takes_the_warm_up_s_place_and_the_other_way_round() -> None:
    quick = PRESETS["quick"]  # which has a warm-up
    scheduled = quick.overridden(["schedule=cyclical(25%)"])
    assert (scheduled.objective.options["warmup_steps"], recipe(scheduled).settled_after) == (0, 625)
    again = scheduled.overridden(["warmup_steps=300"])
    assert (again.objective.options["schedule"], recipe(again).settled_after) == ("constant", 300)
    with pytest.raises(ValueError, match="schedule must be constant where warmup_steps is 5"):
        quick.overridden(["schedule=warmup(9)", "warmup_steps=5"])
    with pytest.raises(ValueError, match="schedule must be constant, warmup"):
        quick.overridden(["schedule=cosine"])


def test_a_schedule_that_outlasts_the_run_is_warned_of() -> None:
    warning = recipe(PRESETS["quick"].overridden(["schedule=warmup(9000)"])).warning
    assert warning == "schedule is warmup(9000), but training ends after 5000, with beta at 56% of its value"
    for schedule in ("linear(3, 1, 100%)", "warmup(5000)", "cyclical(25%)", "cyclical(2500, 1)"):
        assert recipe(PRESETS["quick"].overridden([f"schedule={schedule}"])).warning is None
    within = recipe(PRESETS["seed"].overridden(["schedule=cyclical(9000, 1)"])).warning
    assert within == "schedule is cyclical(9000, 1), but training ends after 10000, with beta at 11% of its value"
    assert recipe(PRESETS["quick"].overridden(["schedule=cyclical(5)"])).settled_after == 3


def test_an_objective_brings_its_strengths_where_none_are_given() -> None:
    quick = PRESETS["quick"]
    assert quick.overridden(["objective=info-vae"]).axes.strengths == (10.0, 100.0, 1000.0)
    assert quick.overridden(["betas=3", "objective=info-vae"]).axes.strengths == (3.0,)
    assert quick.overridden(["objective=beta-tcvae"]).axes == quick.axes
    chosen = quick.overridden(["objective=info-vae"]).overridden(["strengths=5", "steps=7"])
    assert chosen.axes.strengths == (5.0,) and chosen.objective.objective == "info-vae"
    assert chosen.overridden(["objective=info-vae"]).axes.strengths == (5.0,)
    assert BiasedGridConfig.from_json(chosen.to_json()) == chosen
    assert quick.overridden(["objective=info-vae"]).overridden(["objective=beta-vae"]).axes == quick.axes


def test_a_loss_of_which_a_part_learns_has_no_patience() -> None:
    with pytest.raises(ValueError, match="patience must be none for factor-vae"):
        PRESETS["long"].overridden(["objective=factor-vae"])


def test_an_objective_s_least_batch_is_asked_for_before_a_run() -> None:
    for name in ("batch_size", "validation_images"):
        with pytest.raises(ValueError, match=f"{name} must be at least 2 for info-vae, got 1"):
            PRESETS["quick"].overridden(["objective=info-vae", f"{name}=1"])


def test_a_share_of_the_run_is_part_of_what_is_trained() -> None:
    """So a run whose schedule is a share of it cannot grow: its models would have had another past."""
    shared = PRESETS["quick"].overridden(["schedule=warmup(25%)"])
    assert (
        recipe(shared).objective_settings != recipe(shared.replaced(steps=2 * shared.training.steps)).objective_settings
    )
