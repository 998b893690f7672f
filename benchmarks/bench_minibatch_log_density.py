"""`minibatch_log_density` beside its peers; see conftest.py."""

from collections.abc import Callable

import pytest

from pyvae.bench.cases import Case, full_cases


@pytest.mark.parametrize("case", full_cases("minibatch_log_density"), ids=lambda case: case.label)
def test_minibatch_log_density(case: Case, race: Callable[[Case], None]) -> None:
    race(case)
