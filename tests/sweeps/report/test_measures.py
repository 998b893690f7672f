"""Which columns a page shows unasked, which of their values are better, and how they are printed."""

import numpy as np
import pytest

from pyvae.report.statistics import t_interval
from pyvae.sweeps.planning.plan import Best
from pyvae.sweeps.report.measures import Format, Goal, chosen, goal_of, larger_is_better, traded

VAE = [
    "steps_taken",
    "best_step",
    "reconstruction",
    "squared_error",
    "elbo",
    "mean_kl",
    "active_latents",
    "mig",
    "linear_r2",
]
GRID = [
    "steps_taken",
    "train_elbo_nats",
    "train_reconstruction_nats",
    "train_kl_nats",
    "train_active",
    "train_recovered_nats",
]


def test_the_sweeps_own_goal_comes_first() -> None:
    goal = goal_of(Best("linear_r2"), VAE)
    assert goal == Goal("linear_r2", True, "The sweep's file says that linear_r2 is what counts.")
    assert chosen(VAE, goal, ()) == ["linear_r2", "mig", "elbo", "reconstruction", "mean_kl", "active_latents"]
    assert chosen(VAE, goal, ("elbo",)) == ["linear_r2", "elbo"]


@pytest.mark.parametrize(
    ("best", "measures", "column", "largest", "said"),
    [
        (None, VAE, "mig", True, "names no best"),
        (Best("dci"), VAE, "mig", True, "names dci as best, of which there is no number"),
        (None, GRID, "train_recovered_nats", True, "names no best"),
        (None, ["steps_taken", "reconstruction"], "reconstruction", False, "names no best"),
        (None, ["best_step", "own_score"], "own_score", True, "names no best"),
        (None, ["best_step"], "best_step", True, "names no best"),
        (Best("squared_error", False), VAE, "squared_error", False, "is what counts"),
    ],
)
def test_a_goal_is_found_where_none_is_said(
    best: Best | None, measures: list[str], column: str, largest: bool, said: str
) -> None:
    goal = goal_of(best, measures)
    assert goal is not None and (goal.column, goal.largest) == (column, largest) and said in goal.said


def test_without_numbers_there_is_no_goal() -> None:
    assert goal_of(Best("mig"), []) is None


def test_few_known_measures_are_joined_by_others() -> None:
    goal = Goal("own", True, "")
    assert chosen(["best_step", "other", "own", "third", "fourth"], goal, ()) == ["own", "other", "third"]


def test_what_is_traded_for_reconstruction() -> None:
    assert traded(VAE, Goal("mig", True, "")) == ("reconstruction", Goal("mig", True, ""))
    found = traded(GRID, Goal("train_reconstruction_nats", False, ""))
    assert found is not None and (found[0], found[1].column) == ("train_reconstruction_nats", "train_recovered_nats")
    assert traded(["mig", "elbo"], Goal("mig", True, "")) is None
    assert traded(["reconstruction", "elbo"], Goal("reconstruction", False, "")) is None


def test_which_values_are_better() -> None:
    assert larger_is_better("mig") and larger_is_better("dci_completeness") and larger_is_better("elbo")
    assert larger_is_better("reconstruction") is False and larger_is_better("total_correlation") is False
    assert larger_is_better("mean_kl") is None


@pytest.mark.parametrize(
    ("values", "value", "text"),
    [
        ([0.12, 0.57], 0.3456, "0.346"),
        ([120.0, 1570.0], 345.6, "346"),
        ([120.0, 1570.0], -345.6, "−346"),
        ([3e-6, 5e-6], 4.56e-6, "4.56e−06"),
        ([3e7, 5e9], 4.56e8, "4.56e+08"),
        ([0.0, 0.0], 0.0, "0.0"),
        ([0.5, 0.5], 0.5, "0.500"),
        ([4.0, 9.0], 7.0, "7"),
        ([4.0, 9.0], 6.6667, "6.67"),
        ([1.0, 1.0 + 1e-9], 1.0, "1"),
        ([], 1.0, "1.0"),
    ],
)
def test_numbers_show_a_hundredth_of_their_range(values: list[float], value: float, text: str) -> None:
    assert Format.of(np.array([*values, np.nan]))(value) == text


def test_an_interval_is_never_printed_as_nothing() -> None:
    form = Format.of(np.array([0.0, 50.0]))
    assert form.interval(t_interval(np.array([20.0, 20.001]))) == "20.0 ± 0.0064"
    assert form.interval(t_interval(np.array([20.0, 24.0]))) == "22.0 ± 25.4"
    assert form.interval(t_interval(np.array([20.0, 20.0]))) == "20 (the same in all 2 seeds)"
    assert form.interval(t_interval(np.array([20.0]))) == "20"
    assert form.interval(t_interval(np.array([np.nan]))) == "no value"
