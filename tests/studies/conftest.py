"""Tests of studies measure models in turn: what they replace inside this process holds, and nothing is started."""

import pytest

from pyvae.studies import side_by_side


@pytest.fixture(autouse=True)
def in_turn(monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "processes_for", lambda models: 1)
