"""The sweep that others are held against."""

from pathlib import Path

import pytest

from pyvae.sweeps.planning.config import SweepConfig
from pyvae.sweeps.run import run_sweep
from tests.sweeps.engines.started import CONFIG, SHARD_SIZE
from tests.sweeps.here import Here


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that this process has worked at."""
    out = tmp_path_factory.mktemp("alone") / "sweep"
    run_sweep(SweepConfig.from_yaml(CONFIG), out, engine=Here(), shard_size=SHARD_SIZE)
    return out
