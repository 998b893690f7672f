"""The tables of docs/bank.md are those of the committed results, and its bars are what they say."""

import json
import re
import statistics
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


def test_the_paragraph_says_what_the_tables_say() -> None:
    page = PAGE.read_text()
    (paragraph,) = [part for part in page.split("\n\n") if part.startswith("**In one paragraph.**")]
    shown = "".join(tables.training(held(f"training_{data}")) for data in ("sprites", "digits"))
    numbers = re.findall(r"\d+\.\d\d", paragraph)
    assert len(numbers) > 20 and all(number in shown for number in numbers)


def test_bars() -> None:
    """Of the issue that asked for the bank: noise of the gradient, its bias, and the log at the end of training."""
    rows = {(row["width"], row["rows"], row["estimator"]): row for row in held("gradients")["rows"]}
    bank, mss = (rows["0.3", 64, name] for name in ("bank", "mss"))
    assert bank["noise"] <= 0.55 * mss["noise"] and bank["bias_beside_predicted"] <= 0.05
    (case,) = [
        case
        for case in held("training_sprites")["results"]
        if (case["estimator"], case["rows"], case["beta"]) == ("bank", 32, 6.0)
    ]
    cost = held("cost")
    for row in cost["rows"]:
        assert row["N"] != 60_000 or row["ratio to exact of the peer"] <= 0.5
        assert row["N"] != 737_280 or row["threads"] == 1 or row["bank, s"] <= 0.4
    memory, shares = cost["MiB beyond the bank"], [step["share"] for step in cost["steps"]]
    assert memory["737280"] <= 64 and max(shares) <= 0.15
    words = f"needs {memory['737280']:.0f} MiB at N = 737 280, {memory['60000']:.0f} MiB at 60 000"
    assert words in PAGE.read_text()
    assert f"the bank is {100 * shares[0]:.0f} % on one thread and {100 * shares[1]:.0f} % on two" in PAGE.read_text()
    end = case["trace"][-1]
    logged, exact = (statistics.mean(end[kind]["total_correlation"]) for kind in ("logged", "exact"))
    assert abs(logged - exact) <= 0.15
