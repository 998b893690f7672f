"""What may change between two starts of a sweep."""

from typing import Any

import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.planning.config import Best, SweepConfig
from pyvae.sweeps.planning.growth import check_growth
from pyvae.sweeps.planning.plan import plan_of

AXES = {"strengths": [1, 2, 4], "seeds": [0, 1]}


def config(axes: Any = AXES, given: Any = None, study: str = "vae", preset: str = "quick", **more: Any) -> SweepConfig:
    return SweepConfig(study, preset, given or {}, axes, **more)


LISTED = {"list": [{"objective": name, "strengths": 2} for name in ("beta-vae", "beta-tcvae")]}
GROWN = [
    (config(), config()),
    (config(), config(best=Best("mig"))),
    (config(), config({"seeds": [1, 2, 0], "strengths": ["4", 8, 1, 2.0]})),
    (config(), config([{"grid": AXES}, {"list": [{"latents": 10}, {"latents": 4}]}])),
    (config(), config({**AXES, "learning_rate": ["1e-2", 1e-3], "objective": ["beta-tcvae", "beta-vae"]})),
    (config(), config({"list": [{"strengths": s, "seeds": n} for s in (4, 2, 1) for n in (1, 0)]})),
    (config(given={"steps": 10}), config(given={"steps": "11"})),
    (config({"learning_rate": [0.1]}, {"seeds": [0], "betas": "1,2"}),
     config({"learning_rate": [0.1]}, {"seeds": [3, 0], "strengths": [2, 1, 7]})),
    (config(LISTED, {"seeds": [0]}), config(LISTED, {"seeds": [1, 0], "steps": 10**6})),
    (config({"random": {"draws": 3, "latents": {"uniform": [1, 9]}}}),
     config({"random": {"draws": 9, "latents": {"uniform": [1, 9]}}})),
    (config({"latents": [10], "seeds": [0]}), config({"seeds": [0]})),
    (config({"steps": [10, 20]}), config({"steps": [10, 20, 40]})),
    # What all cells had becomes an axis.
    (config(given={"batch_size": 32}), config({**AXES, "batch_size": [32, 256]}, {"batch_size": 32})),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now"), GROWN)
def test_more_may_be_asked_for(before, now) -> None:
    check_growth(plan_of(before), plan_of(now))


REFUSED = [
    (config(), config(study="biased-grid"), "study was vae and is now biased-grid"),
    (config(), config(preset="laptop"), "preset was quick and is now laptop"),
    (config(), config({"strengths": [1, 2], "seeds": [0, 1]}), "strengths has lost 4"),
    (config(), config({"strengths": [1, 3], "seeds": [1]}), "strengths has lost 2, 4; seeds has lost 0"),
    (config(), config(given={"learning_rate": "1e-2"}), "learning_rate of every cell was 0.001 and is now 0.01"),
    (config(given={"steps": 11}), config(given={"steps": 10}), "steps of every cell was 11 and is now 10"),
    (config({"latents": [2]}, {"seeds": [0, 1]}), config({"latents": [2]}, {"seeds": [0, 2]}),
     "seeds of every cell has lost 1"),
    (config(given={"hidden": [8]}), config(given={"hidden": [8, 8]}), "hidden of every cell was 8 and is now 8,8"),
    (config(), config(given={"objective": "beta-tcvae", "estimator": "mss"}),
     "objective of every cell was beta-vae and is now beta-tcvae"),
    (config(given={"batch_size": 32}), config({**AXES, "batch_size": [32, 64]}),
     "batch_size of the base config, by which cells are told apart, was 32 and is now 64"),
    (config(given={"batch_size": 32}), config({**AXES, "batch_size": [128, 64]}, {"batch_size": 32}),
     "batch_size has lost 32"),
    (config(), config({**AXES, "batch_size": [32, 128]}), "batch_size has lost 64"),
    (config({"latents": [2]}), config({"latents": [2], "strengths": [1, 2, 4, 8, 16]}),
     "strengths is an axis now, and every cell had all of 1, 2, 4, 8"),
    (config({"latents": [2]}), config({"latents": [2], "strengths": [1, 2]}), "strengths has lost 4, 8"),
    (config(), config({"seeds": [0, 1]}), "axes have lost the cell strengths=1, seeds=0 and 5 more"),
    (config({"latents": [2, 4], "seeds": [0]}), config({"seeds": [0]}), "latents has lost 2, 4"),
    (config({"steps": [10, 20]}), config({"steps": [20, 30]}), "steps has lost 10"),
    (config(), config({"zip": {"strengths": [1, 2, 4, 4], "seeds": [0, 1, 0, 1]}}),
     "axes have lost the cell strengths=1, seeds=1 and 1 more"),
    (config({"random": {"draws": 9, "latents": {"choice": [1, 2]}, "seeds": {"uniform": [0, 9**9]}}}),
     config({"random": {"draws": 9, "seed": 1, "latents": {"choice": [1, 2]}, "seeds": {"uniform": [0, 9**9]}}}),
     "seeds has lost "),
    (config(given={"learning_rate": 0.1, "batch_size": 8}), config(given={"side": 8}),
     "batch_size of every cell was 8 and is now 64; learning_rate of every cell was 0.1 and is now 0.001; side of "),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "told"), REFUSED)
def test_other_changes_are_refused_and_told(before, now, told) -> None:
    with pytest.raises(SweepError) as caught:
        check_growth(plan_of(before), plan_of(now))
    sentence = str(caught.value)
    assert sentence.startswith(f"a sweep can only grow, but {told}")
    assert sentence.endswith(": put it back as it was, or choose another folder") and len(sentence) < 400


def test_many_changes_are_not_all_told() -> None:
    many = {"strengths": list(range(1, 50)), "seeds": [0]}
    with pytest.raises(SweepError, match="strengths has lost 2, 3, 4, 5, 6 and 43 more: put it back"):
        check_growth(plan_of(config(many)), plan_of(config({"strengths": [1], "seeds": [0]})))
