"""The tables of docs/bank.md are those of the committed results, and its bars are what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bank import tables

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/bank.md"
RESULTS = ROOT / "benchmarks/results/amd-epyc-family-25-model-17-avx512-2-threads"


def held(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"bank_{name}.json").read_text())
    return found


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(lambda: tables.gradients(held("gradients")), id="gradients"),
        pytest.param(lambda: tables.sizes(held("gradients")), id="sizes"),
        pytest.param(lambda: tables.training(held("training_sprites")), id="sprites"),
        pytest.param(lambda: tables.training(held("training_digits")), id="digits"),
        pytest.param(lambda: tables.staleness(held("staleness"), 32), id="staleness 32"),
        pytest.param(lambda: tables.staleness(held("staleness"), 128), id="staleness 128"),
        pytest.param(lambda: tables.cost(held("cost")), id="cost"),
    ],
)
def test_the_page_shows_the_committed_results(table: Any) -> None:
    assert table().strip() in PAGE.read_text()


def test_the_results_are_linked() -> None:
    page = PAGE.read_text()
    for name in ("gradients", "training_sprites", "training_digits", "staleness", "cost"):
        assert f"../{(RESULTS / f'bank_{name}.json').relative_to(ROOT).as_posix()}" in page
