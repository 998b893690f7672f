"""`reparameterize_with_kl` beside its peers; see conftest.py."""

from collections.abc import Callable

import pytest

from pyvae.bench.cases import Case, full_cases, ops


@pytest.mark.skipif("reparameterize_with_kl" not in ops(), reason="this pyvae has no reparameterize_with_kl")
@pytest.mark.parametrize("case", full_cases("reparameterize_with_kl"), ids=lambda case: case.label)
def test_reparameterize_with_kl(case: Case, race: Callable[[Case], None]) -> None:
    race(case)
