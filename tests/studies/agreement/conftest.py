"""Fewer replicates than a study has: what tests ask of intervals they tell all the same."""

import pytest

from pyvae.studies.agreement.findings import correlation


@pytest.fixture(autouse=True)
def few_replicates(monkeypatch) -> None:
    monkeypatch.setattr(correlation, "REPLICATES", 60)
