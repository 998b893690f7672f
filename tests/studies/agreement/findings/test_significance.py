import math

import numpy as np
import pytest
from scipy import stats

from pyvae.quantiles import t_quantile
from pyvae.studies.agreement.findings.significance import LEVEL, holm, sign_test, two_sided


@pytest.mark.parametrize("degrees", [1, 1.3, 2, 4.7, 10, 35, 180.5, 5000])
def test_students_tails(degrees) -> None:
    for t in (0.0, 0.3, -1.0, 2.0, 4.5, 9.0):
        assert two_sided(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-4, abs=1e-15)
    assert two_sided(math.inf, degrees) == 0
    if degrees == int(degrees):
        assert two_sided(t_quantile(int(degrees)), degrees) == pytest.approx(LEVEL, rel=1e-3)


def test_signs_are_those_of_a_fair_coin() -> None:
    for below, above in ((0, 0), (3, 3), (1, 9), (25, 11), (30, 6)):
        expected = stats.binomtest(below, below + above).pvalue if below + above else 1.0
        assert sign_test(below, above) == sign_test(above, below) == pytest.approx(expected)


def test_holm_goes_from_the_smallest_to_the_first_that_stands() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == [True, False, False, True]  # Holm (1979), beside 0.05 / 2 < 0.03
    assert holm([0.012, 0.02, 0.016, 0.04]).tolist() == [True, True, True, True]  # Bonferroni: the first alone
    assert holm([0.02, 0.04, 0.03]).tolist() == [False, False, False]
    assert holm([0.04]).tolist() == [True] and holm([]).tolist() == []


def test_holm_errs_in_one_family_of_twenty() -> None:
    """Dependent or not; without it more than half of all families of twenty would have a false one."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2000, 1)) * np.sqrt(0.5) + rng.normal(size=(2000, 20)) * np.sqrt(0.5)
    for z in (rng.normal(size=(2000, 20)), shared):
        p = 2 * stats.norm.sf(np.abs(z))
        assert np.mean([holm(family).any() for family in p]) <= 0.065
        assert (p.min(1) < LEVEL).mean() > 0.3
