"""Public names that moved warn, and are what they are in their new place."""

import pytest

from pyvae import metrics
from pyvae.studies.biased_grid import theory


@pytest.mark.parametrize("name", ["ceiling", "collapse_boundary", "constant_decoder_mse", "linear_theory_recovered"])
def test_the_theory_of_the_biased_grid_has_left_the_metrics(name) -> None:
    sentence = (
        rf"pyvae.metrics.{name} will be removed in pyvae 0.2: use pyvae.studies.biased_grid.theory.{name} instead"
    )
    with pytest.warns(FutureWarning, match=sentence) as caught:
        found = getattr(metrics, name)
    assert found is getattr(theory, name) and caught[0].filename == __file__


def test_other_names_are_missing_as_ever() -> None:
    with pytest.raises(AttributeError, match=r"module 'pyvae.metrics' has no attribute 'nothing'"):
        _ = metrics.nothing
