"""docs/drop-ins.md shows the lines that change, at most three of a client, as they stand in the examples."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from examples.drop_ins.compare import CLIENTS

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples/drop_ins"
PAGE = (ROOT / "docs/drop-ins.md").read_text()
RESULTS = ROOT / "benchmarks/results/amd-epyc-family-25-model-1-avx2-2-threads/drop_ins.json"
BLOCKS = re.findall(r"```diff\n(.*?)```", PAGE, re.DOTALL)


def marked(name: str, way: str) -> list[str]:
    """Lines that end in a comment "before" or "after", without it."""
    return sorted(re.findall(rf"^(.*?)  # {way}$", (FOLDER / f"{name}.py").read_text(), re.MULTILINE))


def shown(block: str, sign: str) -> list[str]:
    return sorted(line[2:] for line in block.splitlines() if line.startswith(sign))


@pytest.mark.parametrize("name", CLIENTS)
def test_at_most_three_lines_change_and_the_page_shows_them(name: str) -> None:
    before, after = marked(name, "before"), marked(name, "after")
    assert 1 <= len(before) <= 3 and 1 <= len(after) <= 3
    assert any(shown(block, "-") == before and shown(block, "+") == after for block in BLOCKS), name


def test_the_page_lists_every_client_and_no_other_lines() -> None:
    assert set(re.findall(r"\(\.\./examples/drop_ins/(\w+)\.py\)", PAGE)) == set(CLIENTS)
    assert len(BLOCKS) == len(CLIENTS)


@pytest.mark.parametrize("name", CLIENTS)
def test_the_benchmark_measures_every_client(name: str) -> None:
    assert name in import_module("benchmarks.drop_ins").CLIENTS
    assert (Path(__file__).parent / f"test_{name}.py").is_file()


def test_the_page_shows_the_committed_times() -> None:
    table = import_module("benchmarks.drop_ins").table
    assert table(json.loads(RESULTS.read_text())["rows"]) in PAGE
    assert RESULTS.relative_to(ROOT).as_posix() in PAGE
