"""A choice that an argument has not is refused, by every score that offers it."""

import numpy as np
import pytest

from pyvae.metrics import METRICS, jemmig, mig, modularity, udr

FACTORS = np.random.default_rng(0).integers(3, size=(60, 2))
CODES = FACTORS + 0.1 * np.random.default_rng(1).normal(size=(60, 2))
WITH_PROTOCOL = [name for name, metric in METRICS.items() if "protocol" in metric.parameters]


@pytest.mark.parametrize("name", WITH_PROTOCOL)
def test_a_protocol_that_there_is_not(name) -> None:
    metric = METRICS[name]
    given = [FACTORS] if metric.needs_factors else []
    with pytest.raises(
        ValueError, match="protocol must be one of paper, disentanglement_lib, got 'disentanglement-lib'"
    ):
        metric.function(CODES, *given, protocol="disentanglement-lib")


def test_of_several_models_too() -> None:
    with pytest.raises(ValueError, match="protocol must be one of"):
        udr([CODES, CODES], protocol="paper ")


@pytest.mark.parametrize("score", [mig, modularity])
def test_the_librarys_protocol_has_an_estimator_of_its_own(score) -> None:
    with pytest.raises(ValueError, match="estimator must be None or histogram for disentanglement_lib's protocol, got"):
        score(CODES, FACTORS, protocol="disentanglement_lib", estimator="neighbours")
    assert score(CODES, FACTORS, protocol="disentanglement_lib", estimator="histogram").value >= 0


def test_a_kind_of_bins_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="kind must be one of equal shares, equal width, got 'equal'"):
        jemmig(CODES, FACTORS, kind="equal")
