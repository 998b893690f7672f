"""Intervals cover the truth where it is known; benchmarks/metrics/coverage.py asks the same of 200 draws."""

import pytest

from benchmarks.metrics.coverage import all_problems, coverage

PROBLEMS = all_problems()
# Batches by the thousand take longer; of five worlds eight draws each tell no scatter.
SEEDS = {"beta_vae_score": 15, "sap": 80}


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_intervals_cover_the_truth_and_are_no_wider_than_the_scores_scatter(name: str) -> None:
    found = coverage(name, PROBLEMS[name], seeds=SEEDS.get(name, 40))
    assert found.covered >= 0.8  # 40 draws cannot tell 0.9 and 2 more closely
    assert found.width < 2.5


def test_every_metric_has_problems_of_both_sets() -> None:
    """The same metrics, and no problem twice: a set that the methods were chosen by says little of others."""
    held_out = all_problems("HELD_OUT")
    assert set(held_out) == set(PROBLEMS)
    for name, problems in PROBLEMS.items():
        worlds = {problem.name for problem in problems}
        assert name.endswith("of posteriors") or not worlds & {problem.name for problem in held_out[name]}, name
