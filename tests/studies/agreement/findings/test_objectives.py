import numpy as np
import pytest
from scipy import stats

from pyvae.studies.agreement.findings.objectives import gap, gaps
from tests.studies.agreement.synthetic import quality, results


def test_of_one_strength_it_is_welchs_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=5), 2 + 3 * rng.normal(size=7)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert gap([a], [b]).value == pytest.approx(a.mean() - b.mean())
    assert gap([a], [b]).p == pytest.approx(expected.pvalue, rel=1e-4)


def test_two_equal_objectives_differ_in_one_of_twenty() -> None:
    """Whatever strengths do, and however much more one objective scatters."""
    rng, problems = np.random.default_rng(1), 600
    effect = rng.normal(size=6)
    wrong = found = 0
    for _ in range(problems):
        a = [effect[s] + 0.2 * rng.normal(size=5) for s in range(6)]
        b = [effect[5 - s] + (0.1 + 0.3 * s) * rng.normal(size=2 + s % 4) for s in range(6)]
        wrong += gap(a, b).p <= 0.05
        found += gap(a, [scores + 2 for scores in b]).p <= 0.05
    assert 0.02 <= wrong / problems <= 0.08 and found / problems > 0.9


def test_scores_that_no_seed_changes() -> None:
    assert gap([np.ones(3)], [np.ones(2)]) == (0.0, 1.0) and gap([np.ones(3)], [np.zeros(2)]) == (1.0, 1.0)


def test_every_pair_once_and_none_of_one_seed() -> None:
    made = results({"mig": quality})
    found = gaps(made, made.column("mig"), made.in_use)
    assert len(found) == 15 and ("beta-vae", "beta-tcvae") in found
    alone = results({"mig": quality}, seeds=1)
    assert gaps(alone, alone.column("mig"), alone.in_use) == {}


def test_a_strength_of_one_model_is_left_out() -> None:
    made = results({"mig": quality})
    cells = [made.cell == cell for cell in np.unique(made.cell[made.objective == 0])]
    rows = made.in_use & ~(cells[0] & (made.seed > 0))
    mig = made.column("mig")
    found = gaps(made, mig, rows)["beta-vae", "factor-vae"]
    other = [mig[(made.objective == 2) & (made.column("strength") == s)].mean() for s in (1.0, 2.0, 3.0, 4.0)]
    assert found.value == pytest.approx(np.mean([mig[cell].mean() for cell in cells[1:]]) - np.mean(other))
