"""Values as a sweep's file has them, set in configs."""

import dataclasses
import random
import re

import pytest

from pyvae.studies import NAMES, study_named
from pyvae.sweeps.planning.chosen import Chosen, configured, read
from pyvae.sweeps.planning.draws import Draw

VALUES = {
    "steps": 77, "batch_size": 33, "learning_rate": 0.5, "patience": 3, "latents": 5, "hidden": (7, 8), "side": 9,
    "warmup_steps": 4, "schedule": "warmup(50%)", "kl": "sampled", "seeds": (5,), "blocks": 2, "points": 222,
}  # fmt: skip


def chosen(study: str, **given: object) -> Chosen:
    config = study_named(study).preset("quick").replaced(**given)
    return Chosen(config, frozenset({"strengths"}))


@pytest.mark.parametrize("study", NAMES)
def test_settings_change_as_the_config_itself_would_change_them(study) -> None:
    base, draws = chosen(study), random.Random(0)
    has = [name for name in VALUES if base.has(name)]
    assert len(has) >= 6
    done = 0
    for _ in range(30):
        given = {name: VALUES[name] for name in draws.sample(has, draws.randint(1, len(has)))}
        try:
            expected = base.config.replaced(**given)
        except ValueError as problem:
            with pytest.raises(ValueError, match=f"^{re.escape(str(problem))}$"):
                base.changed(given)
            continue
        done += 1
        held = expected.values()
        assert base.changed(given) == {name: held[name] for name in expected.differing(base.config)}
    assert done >= 5


def test_parts_are_checked_together() -> None:
    base = chosen("vae", objective="factor-vae")
    with pytest.raises(ValueError, match="patience must be none for factor-vae"):
        base.changed({"patience": 3})


def test_equal_numbers_are_spelled_alike() -> None:
    specs = study_named("biased-grid").preset("quick").specs()
    for name, given, expected in (
        ("mus", [0, "x"][:1], "(0.0,)"), ("mus", -0.0, None), ("mus", "-0,1", "(0.0, 1.0)"),
        ("learning_rate", 1, "1.0"), ("learning_rate", " 1e-3 ", "0.001"), ("batch_size", "1_0", "10"),
        ("patience", "none", "None"), ("patience", None, "None"), ("kl", "sampled", "'sampled'"),
    ):  # fmt: skip
        if expected is None:
            spec = dataclasses.replace(specs[name], annotation=float)
            assert repr(read(spec, given)) == "0.0"
        else:
            assert repr(read(specs[name], given)) == expected


def test_axes_take_one_value_of_what_is_stacked_and_lists_of_other_lists() -> None:
    base = chosen("vae")
    assert repr(base.read("strengths", 4)) == repr(base.read("strengths", "4")) == "4.0"
    assert base.read("seeds", 4) == base.read("seeds", [4]) == base.read("seeds", "4") == (4,)
    assert base.read("seeds", Draw("seeds", 1, 2, False, 0.99)) == (2,)
    assert base.read("hidden", "4") == base.read("hidden", 4) == (4,)
    for name, value in (("strengths", [4]), ("hidden", True), ("strengths", True), ("seeds", True), ("seeds", None)):
        with pytest.raises(ValueError, match=f"^{name} must be "):
            base.read(name, value)


def test_an_objective_is_chosen_before_its_settings() -> None:
    base = study_named("biased-grid").preset("quick")
    made = configured(base, {"estimator": "mss", "betas": "1,3", "objective": "beta-tcvae", "steps": 9})
    assert made == base.replaced(objective="beta-tcvae", estimator="mss", strengths=(1, 3), steps=9)
    assert configured(base, {}) == base
    # FactorVAE brings strengths of its own, unless they are given.
    assert configured(base, {"objective": "factor-vae"}) == base.replaced(objective="factor-vae")
    assert configured(base, {"objective": "factor-vae", "betas": [3]}).axes.strengths == (3.0,)
    with pytest.raises(ValueError, match=r"^betas must be numbers separated by commas, got 'x'"):
        configured(base, {"betas": "x"})
