"""A run with models that panes and curves can be made of."""

from pathlib import Path

import pytest

from tests.sweeps.report.sweeps import trained

STRENGTHS, SEEDS = (1.0, 2.0, 4.0), (0, 1)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of strengths 1, 2 and 4 and seeds 0 and 1."""
    return trained(tmp_path_factory.mktemp("trained") / "run", STRENGTHS, SEEDS)
