"""`minibatch_log_density` with marginals from grids, beside the exact method; see conftest.py."""

from collections.abc import Callable

import pytest

from pyvae.bench.cases import GRIDDED, Case, full_cases


@pytest.mark.parametrize("case", full_cases(GRIDDED), ids=lambda case: case.label)
def test_minibatch_log_density_gridded(case: Case, race: Callable[[Case], None]) -> None:
    race(case)
