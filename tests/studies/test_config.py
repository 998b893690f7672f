import dataclasses

import pytest

from pyvae.studies.config import PRESETS, StudyConfig, differing_fields, preset, with_overrides
from pyvae.training.cells import Cell, cells, stream


@pytest.mark.parametrize("name", PRESETS)
def test_json_gives_back_every_preset(name) -> None:
    assert StudyConfig.from_json(preset(name).to_json()) == preset(name)
    assert preset(name).preset == name


def test_presets_are_the_protocols_of_the_study() -> None:
    for config in PRESETS.values():
        assert config.mus == tuple(k / 2 for k in range(11)) and config.betas == (0.5, 1, 2, 5, 10)
    assert (PRESETS["seed"].steps, PRESETS["seed"].models, PRESETS["seed"].kl) == (10_000, 165, "sampled")
    assert PRESETS["seed"].patience is None and PRESETS["seed"].beta_scale(0) == 1
    assert PRESETS["long"].patience and PRESETS["long"].beta_warmup_steps == 5000


def test_overrides_take_each_kind_of_field() -> None:
    changed = with_overrides(
        preset("long"),
        ["steps=2_00", "betas=1, 5", "mus=0,2.5", "seeds=3", "kl=closed_form", "patience=none", "learning_rate=2e-3"],
    )
    assert (changed.steps, changed.betas, changed.mus, changed.seeds) == (200, (1.0, 5.0), (0.0, 2.5), (3,))
    assert (changed.kl, changed.patience, changed.learning_rate) == ("closed_form", None, 0.002)
    assert differing_fields(changed, with_overrides(changed, ["steps=7"])) == ["steps"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("steps", "--set expects field=value, got 'steps'"),
        ("step=1", "unknown field 'step': expected one of preset, mus, "),
        ("preset=long", "preset is not a field to set"),
        ("steps=many", "steps must be a whole number, got 'many'"),
        ("steps=1.5", "steps must be a whole number, got '1.5'"),
        ("steps=0", "steps must be at least 1, got 0"),
        ("betas=-1", "betas must be at least 0, got -1.0"),
        ("betas=1,,2", "betas must be numbers separated by commas, got '1,,2'"),
        ("betas=", "betas must be numbers separated by commas, got ''"),
        ("betas=1,1.0", "betas must not name a value twice, got 1.0, 1.0"),
        ("mus=nan", "mus must be finite, got nan"),
        ("seeds=-1", "seeds must be at least 0, got -1"),
        ("hidden=8,0", "hidden must hold widths of at least 1, got 8, 0"),
        ("learning_rate=0", "learning_rate must be greater than 0, got 0.0"),
        ("noise_variance=-1", "noise_variance must be greater than 0, got -1.0"),
        ("patience=0", "patience must be at least 1 or none, got 0"),
        ("patience=soon", "patience must be a whole number or none, got 'soon'"),
        ("kl=exact", "kl must be sampled or closed_form, got 'exact'"),
        ("blocks=4", "blocks must be at most 3"),
        ("information_images=31", "information_images must be at least 32, got 31"),
    ],
)
def test_wrong_overrides_are_one_sentence(override, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        with_overrides(preset("quick"), [override])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "config must be a JSON object, got list"),
        ('{"step": 1}', "unknown field 'step'"),
        ('{"steps": 1}', "config lacks the field 'preset'"),
        (preset("quick").to_json().replace("2500", '"2500"'), "steps must be a whole number, got '2500'"),
        (preset("quick").to_json().replace("2500", "true"), "steps must be a whole number, got True"),
    ],
)
def test_wrong_json_is_one_sentence(text, sentence) -> None:
    with pytest.raises(ValueError) as caught:
        StudyConfig.from_json(text)
    assert str(caught.value).startswith(sentence)


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown preset 'fast': expected one of quick, seed, long"):
        preset("fast")


def test_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("quick").steps = 3  # type: ignore[misc]


def test_warm_up_is_linear() -> None:
    config = with_overrides(preset("quick"), ["beta_warmup_steps=10"])
    assert [config.beta_scale(step) for step in (0, 5, 10, 99)] == [0, 0.5, 1, 1]


def test_cells_are_every_combination_once() -> None:
    config = with_overrides(preset("quick"), ["seeds=0,4"])
    every = cells(config)
    assert len(every) == len(set(every)) == config.models == 110
    assert every[1] == Cell(0.0, 1.0, 0) and every[-1] == Cell(5.0, 10.0, 4)


def test_streams_depend_on_the_cell_and_the_purpose_alone() -> None:
    every = cells(preset("seed"))
    keys = {purpose: stream(every, purpose) for purpose in ("initialisation", "training pixels")}
    assert len({int(key) for seeds in keys.values() for key in seeds}) == 2 * len(every)
    assert stream(every[7:9], "initialisation").tolist() == keys["initialisation"][7:9].tolist()


def test_held_out_data_are_shared_by_the_betas_only() -> None:
    a, b, c, d = Cell(1.0, 1.0, 0), Cell(1.0, 5.0, 0), Cell(1.5, 1.0, 0), Cell(1.0, 1.0, 1)
    shared = stream([a, b, c, d], "validation pixels", shared_across_betas=True).tolist()
    assert shared[0] == shared[1] and len(set(shared)) == 3


@pytest.mark.parametrize(
    ("setting", "words"),
    [("seeds=9223372036854775808", "seeds must fit in 64 bits"), ("mus=0,1e6", "mus must lie between -20 and 20")],
)
def test_numbers_no_run_could_use_are_refused_before_it(setting: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        with_overrides(preset("quick"), [setting])
