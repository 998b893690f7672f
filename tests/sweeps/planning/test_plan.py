"""From what a sweep's file says to its cells."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from pyvae.studies import study_named
from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.cells import id_of
from pyvae.sweeps.planning.draws import share
from pyvae.sweeps.planning.plan import Plan, SweepConfig, plan_of


def plan(axes: Any, given: Mapping[str, Any] | None = None, study: str = "vae") -> Plan:
    return plan_of(SweepConfig(study, "quick", given or {}, axes))


def values(made: Plan) -> list[dict[str, Any]]:
    return [dict(cell.values) for cell in made.cells]


def test_cells_are_typed_and_in_the_order_of_the_axes() -> None:
    made = plan({"betas": ["1", 2], "hidden": ["8", [16, 16]], "patience": [None, "5"], "seeds": [3]})
    assert made.fields == ("strengths", "hidden", "patience", "seeds")
    assert values(made)[:2] == [
        {"strengths": 1.0, "hidden": (8,), "patience": None, "seeds": 3},
        {"strengths": 1.0, "hidden": (8,), "patience": 5, "seeds": 3},
    ]
    assert len(made.cells) == 8 and [type(cell.values["strengths"]) for cell in made.cells] == [float] * 8
    assert made.base == made.study.preset("quick")
    assert made.stacked() == {"strengths": "beta", "seeds": "seed"}
    assert list(made.cells[0].values) == list(made.fields)


def test_set_is_of_every_cell_and_texts_spell_numbers() -> None:
    given = {"learning_rate": "2e-3", "hidden": [8, 8], "objective": "beta-tcvae", "estimator": "mss", "betas": "1,2"}
    made = plan({"seeds": [0, 1]}, given)
    same = {"learning_rate": 2e-3, "hidden": (8, 8), "objective": "beta-tcvae", "estimator": "mss", "strengths": (1, 2)}
    assert made.base == study_named("vae").preset("quick").replaced(**same)
    assert made.config_of(made.cells) == made.base.replaced(seeds=(0, 1))


SETTLED = [
    {"objective": "beta-vae", "kl": "closed_form", "strengths": 4},
    {"objective": "beta-tcvae", "estimator": "mss", "strengths": 4},
    {"objective": "beta-tcvae", "warmup_steps": 7, "strengths": 2},
    {"schedule": "warmup(50%)", "strengths": 1},
    {"schedule": "warmup(50%)", "strengths": 1, "batch_size": 32},
    {"strengths": 1, "latents": 4, "side": 8},
    {"strengths": 1},
]
"""An objective with its own settings, and a schedule, which ends the warm-up that biased-grid's preset has."""


@pytest.mark.parametrize("study", ["vae", "biased-grid"])
def test_a_cells_config_is_what_its_settings_make_of_the_base(study) -> None:
    rows = [{name: value for name, value in row.items() if study == "vae" or name != "side"} for row in SETTLED]
    made = plan({"list": rows}, study=study)
    assert len(made.cells) == len(rows)
    for row, cell in zip(rows, made.cells, strict=True):
        expected = made.base.replaced(**{**row, "strengths": [row["strengths"]]})
        config = made.config_of([cell])
        assert config == expected
        held = config.values()
        for name in made.fields:
            alone = (cell.values.get(name),) if name == "strengths" else cell.values.get(name)
            assert alone == held.get(name), "absent where the config has no such setting"
    assert "estimator" not in made.cells[0].values and "estimator" in made.cells[2].values


def test_a_value_of_the_base_leaves_a_cell_as_it_is() -> None:
    base = plan({"seeds": [0, 1]}, {"warmup_steps": 5})
    # Setting the schedule alone would end the warm-up.
    more = plan({"seeds": [0, 1], "schedule": ["constant", "warmup(50%)"]}, {"warmup_steps": 5})
    old = [cell for cell in more.cells if cell.values["schedule"] == "constant"]
    assert [cell.id for cell in old] == [cell.id for cell in base.cells]
    assert more.config_of(old) == base.config_of(base.cells)
    assert len({cell.id for cell in more.cells}) == 4


def test_ids_are_digests_of_what_differs_from_the_base() -> None:
    made = plan({"batch_size": [64, 128], "learning_rate": [0.001, "5e-4"], "strengths": [1]})
    assert [cell.id for cell in made.cells] == [
        id_of({"strengths": (1.0,)}),
        id_of({"strengths": [1.0], "learning_rate": 5e-4}),
        id_of({"batch_size": 128, "strengths": [1.0]}),
        id_of({"learning_rate": 5e-4, "strengths": [1.0], "batch_size": 128}),
    ]
    assert id_of({"strengths": (1.0,)}) == "348321f1d324"  # pinned: a sweep's folder knows its cells by these


def test_ids_are_the_same_in_every_process() -> None:
    assert (
        id_of({"é": "x", "b": (0.1, 1e-7), "a": None})
        == id_of({"a": None, "b": [0.1, 1e-07], "é": "x"})
        == "f1d076d77432"
    )


def test_one_and_one_point_nought_are_one_value() -> None:
    for one in (1, 1.0, "1", "1.0", "1e0", [1]):
        wrapped = one if isinstance(one, list) else [one]
        made = plan({"list": [{"learning_rate": value, "strengths": 2} for value in wrapped]})
        assert made.cells[0].id == id_of({"learning_rate": 1.0, "strengths": (2.0,)})


def test_what_is_set_alike_is_one_cell() -> None:
    rows = [{"seeds": 0, "latents": 10}, {"seeds": 1, "latents": 4}, {"latents": "10", "seeds": "0"}, {"seeds": 0}]
    made = plan({"list": rows})
    assert values(made) == [{"seeds": 0, "latents": 10}, {"seeds": 1, "latents": 4}]
    # By another way to the same config, too: a schedule ends the warm-up.
    rows = [{"schedule": "warmup(50%)", "seeds": 0}, {"warmup_steps": 0, "schedule": "warmup(50%)", "seeds": 0}]
    made = plan({"list": rows}, study="biased-grid")
    assert made.base.values()["warmup_steps"] > 0 and len(made.cells) == 1


def test_draws_are_whole_where_a_setting_is() -> None:
    fields = {
        "latents": {"uniform": [1, 9]},
        "learning_rate": {"log_uniform": ["1e-4", 1]},
        "seeds": {"uniform": [0, 999]},
        "strengths": {"uniform": [1, 2]},
    }
    made = plan({"random": {"draws": 30, "seed": 2, **fields}})
    first = made.cells[0].values
    assert first["latents"] == 1 + int(9 * share(2, "latents", 0)) and type(first["latents"]) is int
    assert first["learning_rate"] == float(f"{10 ** (4 * share(2, 'learning_rate', 0) - 4):.6g}")
    assert all(type(cell.values["seeds"]) is int and 1 <= cell.values["strengths"] < 2 for cell in made.cells)
    more = plan({"random": {"draws": 40, "seed": 2, **fields}})
    assert more.cells[:30] == made.cells
    assert made.config_of(made.cells[:1]).values()["seeds"] == (first["seeds"],)


def test_lists_of_a_study_that_it_does_not_stack_take_numbers_and_lists() -> None:
    made = plan({"betas": [1, [10, 100], "1000,10000"], "seeds": [0, 1]}, study="schedules")
    assert made.stacked() == {"seeds": "seed"}
    assert [cell.values["betas"] for cell in made.cells[::2]] == [(1.0,), (10.0, 100.0), (1000.0, 10000.0)]
    assert made.config_of(made.cells[2:4]) == made.base.replaced(betas=(10, 100), seeds=(0, 1))
    drawn = plan({"random": {"draws": 1, "betas": {"uniform": [1, 2]}}}, study="schedules")
    assert len(drawn.cells[0].values["betas"]) == 1


def test_a_stacked_field_that_a_cell_leaves_out_is_the_only_one_of_the_base(monkeypatch) -> None:
    study = study_named("vae")
    one = dataclasses.replace(study, presets={"quick": study.preset("quick").replaced(seeds=(3,))})
    monkeypatch.setattr("pyvae.sweeps.planning.config.study_named", lambda name: one)
    made = plan({"list": [{"latents": 2}, {"latents": 2, "seeds": 1}, {"latents": 2, "seeds": 3}]})
    assert values(made) == [{"latents": 2, "seeds": 3}, {"latents": 2, "seeds": 1}]
    assert made.cells[0].id == id_of({"latents": 2}), "as before there were seeds"


def test_configs_of_cells_list_their_product_and_nothing_else_fits() -> None:
    made = plan({"seeds": [1, 0], "strengths": [4, 1], "latents": [2, 3]})
    block = [cell for cell in made.cells if cell.values["latents"] == 3]
    assert made.config_of(block[::-1]) == made.base.replaced(latents=3, strengths=(1, 4), seeds=(0, 1))
    for wrong in (block[:3], made.cells[:2], block[:2] * 2, ()):
        with pytest.raises(ValueError, match=r"^cells must be alike but for the product of their stacked values"):
            made.config_of(wrong)


def test_configs_list_values_in_ascending_order_whatever_the_order_of_cells() -> None:
    made = plan({"strengths": [1e9, 3.5, 7, 0.25, 1e-3]})
    assert made.config_of(made.cells).values()["strengths"] == (1e-3, 0.25, 3.5, 7.0, 1e9)


def test_the_column_of_a_strength_is_its_objectives() -> None:
    made = plan({"list": [{"objective": "factor-vae", "strengths": 10}, {"strengths": 2}]}, {"seeds": [0]})
    assert made.stacked() == {"strengths": "beta"}
    assert made.study.stacks(made.config_of(made.cells[:1]))["strengths"] == "gamma"


@pytest.mark.parametrize(
    ("axes", "given", "sentence"),
    [
        ({"learning_rat": [1]}, {}, "unknown field 'learning_rat': did you mean learning_rate?"),
        ({"seeds": [1]}, {"stps": 3}, "unknown field 'stps': did you mean steps?"),
        ({"seeds": [1]}, {"steps": 0}, "steps must be at least 1, got 0"),
        ({"seeds": [1]}, {"steps": True}, "steps must be a whole number, got True"),
        ({"seeds": [1]}, {"betas": "x"}, "betas must be numbers separated by commas, got 'x'"),
        ({"seeds": [1]}, {"betas": [1], "strengths": [1]}, "strengths must not be set twice, got it as "),
        ({"seeds": [1]}, {"estimator": "mss"}, "estimator is a setting of beta-tcvae"),
        ({"seeds": [1]}, {"preset": "x"}, "preset must be set beside set and axes"),
        ({"preset": ["quick"]}, {}, "preset must be the same in all cells, got it as an axis"),
        ({"betas": [1], "strengths": [1]}, {}, "strengths must be one axis, got it as betas as well"),
        ({"learning_rate": [1e-3, "hot"]}, {}, "learning_rate must be a number, got 'hot'"),
        ({"learning_rate": [1e-3, -1]}, {}, "learning_rate must be greater than 0, got -1"),
        ({"latents": [True]}, {}, "latents must be a whole number, got True"),
        ({"latents": [1.5]}, {}, "latents must be a whole number, got 1.5"),
        ({"hidden": [[]]}, {}, "hidden must be a list of at least one number, got "),
        ({"seeds": [0, [1]]}, {}, "seeds must be a whole number, got [1]"),
        ({"seeds": [-1]}, {}, "seeds must be at least 0, got -1"),
        ({"strengths": ["1,2"]}, {}, "strengths must be a number, got '1,2'"),
        ({"data": ["spirtes"]}, {}, "data must be "),
        ({"objective": ["vae"]}, {}, "objective must be "),
        (
            {"objective": ["beta-tcvae", "beta-vae"], "estimator": ["mss"]},
            {},
            "no cell can have objective=beta-vae, estimator=mss: estimator is a setting of beta-tcvae",
        ),
        (
            {"batch_size": [64, 1], "objective": ["beta-vae", "info-vae"], "seeds": [0]},
            {},
            "no cell can have batch_size=1, objective=info-vae: batch_size must be at least 2 for info-vae, got 1",
        ),
        ({"list": [{"latents": 2}, {"seeds": 1}]}, {}, "seeds must be set in every cell or in none, got a cell that "),
        ({"random": {"draws": 1, "latents": {"uniform": [0.1, 0.2]}}}, {}, "latents takes whole numbers, and none is"),
        ({"random": {"draws": 1, "objective": {"uniform": [1, 2]}}}, {}, "objective must be "),
    ],
)
def test_what_no_run_could_take_is_one_sentence(axes, given, sentence) -> None:
    with pytest.raises(SweepError) as caught:
        plan(axes, given)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_an_unknown_preset_is_one_sentence() -> None:
    with pytest.raises(SweepError, match=r"^unknown preset 'x': expected one of quick, laptop$"):
        plan_of(SweepConfig("vae", "x", {}, {"seeds": [1]}))


def test_two_cells_of_one_digest_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("pyvae.sweeps.planning.plan.id_of", lambda differences: "0" * 12)
    with pytest.raises(SweepError, match=r"^axes must not have two cells whose digests are the same, got 000000000000"):
        plan({"seeds": [0, 1]})


def test_configs_are_made_for_what_is_not_stacked_alone(monkeypatch) -> None:
    made = []
    monkeypatch.setattr("pyvae.sweeps.planning.chosen.Chosen.changed", lambda self, values: made.append(values) or {})
    plan({"strengths": list(range(1, 60)), "latents": [2, 3], "seeds": list(range(60))})
    assert len(made) == 2
