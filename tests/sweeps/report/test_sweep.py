"""A sweep as its page sees it: configurations, their means and intervals, and their ranking."""

from pathlib import Path

import numpy as np
import pytest

from pyvae.sweeps.errors import SweepError
from pyvae.sweeps.report.sweep import open_sweep
from tests.sweeps.report.sweeps import of, opened

AXES = {"strengths": [1.0, 2.0, 4.0], "learning_rate": [1e-3, 1e-2], "seeds": [0, 1, 2]}


def test_configurations_are_cells_up_to_the_seed(tmp_path: Path) -> None:
    held = opened(
        tmp_path, AXES, of(lambda strengths, learning_rate, seeds: strengths + 100 * learning_rate + 0.1 * seeds)
    )
    assert [axis.name for axis in held.axes] == ["beta", "learning_rate"] and held.measures == ["mig"]
    assert held.seeds is not None and held.seeds.values == (0, 1, 2)
    assert [held.name(k) for k in range(len(held.members))] == [
        f"beta {beta}, learning_rate {rate}" for beta in (1, 2, 4) for rate in (0.001, 0.01)
    ]
    np.testing.assert_allclose(held.means("mig"), [1.2, 2.1, 2.2, 3.1, 4.2, 5.1])
    interval = held.interval("mig", 0)
    assert (interval.mean, interval.half) == (pytest.approx(1.2), pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6))
    assert held.ranked("mig", largest=True) == [5, 4, 3, 2, 1, 0]
    assert held.ranked("mig", largest=False) == [0, 1, 2, 3, 4, 5]
    assert held.over_seeds(held.members) == "3 seeds"


def test_rows_of_a_configuration_have_its_values(tmp_path: Path) -> None:
    held = opened(tmp_path, AXES, of(lambda **values: 0.5))
    for k, rows in enumerate(held.members):
        for row in rows:
            values = held.row(int(row))
            assert held.named(int(row)) == held.name(k)
            assert held.named(int(row), seed=True) == f"{held.name(k)}, seed {values['seeds']}"
            assert values["cell"] == held.cell(int(row))


def test_models_that_diverged_and_cells_that_failed_have_no_values(tmp_path: Path) -> None:
    def value(strengths: float, learning_rate: float, seeds: int) -> float:
        return float("nan") if strengths == 4 and seeds == 0 else strengths

    measured = of(value)
    axes = {**AXES, "learning_rate": [1e-3]}
    held = opened(tmp_path, axes, lambda v: "it broke" if v["strengths"] == 2 and v["seeds"] == 1 else measured(v))
    assert [len(rows) for rows in held.members] == [3, 2, 3]
    assert np.isfinite(held.values("mig")).sum() == 7
    assert held.means("mig").tolist() == [1, 2, 4] and held.interval("mig", 2).seeds == 2
    assert held.over_seeds(held.members) == "2 to 3 seeds"
    assert (held.counts.finished, held.counts.diverged, held.counts.failed, held.counts.open) == (7, 1, 1, 0)


def test_equal_means_keep_their_order_and_missing_ones_have_no_place(tmp_path: Path) -> None:
    values = {1.0: 3.0, 2.0: float("nan"), 4.0: 3.0, 8.0: 5.0}
    held = opened(tmp_path, {"strengths": [*values]}, of(lambda strengths: values[strengths]))
    assert held.ranked("mig", largest=True) == [3, 0, 2] and held.ranked("mig", largest=False) == [0, 2, 3]


def test_models_of_one_cell_are_configurations_of_their_own(tmp_path: Path) -> None:
    def measured(values):
        return [{"mu": mu, "seed": seed, "finite": True, "x": mu + seed} for mu in (0.0, 2.0) for seed in (0, 1)]

    held = opened(tmp_path, {"batch_size": [16, 32]}, measured, mus=[0.0, 2.0], seeds=[0, 1])
    assert [axis.name for axis in held.axes] == ["batch_size", "mu"] and held.seeds is not None
    assert held.means("x").tolist() == [0.5, 2.5, 0.5, 2.5]


def test_a_folder_without_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"folder must hold a sweep, but .* has none"):
        open_sweep(tmp_path)


def test_numbers_of_a_model_that_diverged_do_not_count(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [1.0, 2.0]}, lambda v: {"finite": v["strengths"] == 1, "mig": v["strengths"]})
    assert held.ranked("mig", largest=True) == [0] and np.isnan(held.values("mig")[1])


def test_configurations_stand_in_the_order_of_cells(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [4.0, 1.0, 2.0], "seeds": [1, 0]}, of(lambda strengths, seeds: 0.5))
    assert [held.name(k) for k in held.ranked("mig", largest=True)] == ["beta 4", "beta 1", "beta 2"]
