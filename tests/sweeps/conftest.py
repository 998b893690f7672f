"""What tests of sweeps share."""

import io

import pytest
from rich.console import Console


@pytest.fixture
def quiet() -> Console:
    """A console that nobody reads."""
    return Console(file=io.StringIO())
