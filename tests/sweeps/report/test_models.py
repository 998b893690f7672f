"""The table of all models: what it has, and what of more than it holds."""

import re
from pathlib import Path

from pyvae.sweeps.report.measures import Goal
from pyvae.sweeps.report.models import COLUMNS, all_models
from tests.sweeps.report.sweeps import of, opened

GOAL = Goal("mig", True, "")


def table(text: str) -> tuple[list[str], list[list[str]]]:
    heads = re.findall(r"<th [^>]*>(.*?)</th>", text)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", text)]
    return heads, rows


def test_every_model_and_every_failed_cell_has_its_row(tmp_path: Path) -> None:
    measured = of(lambda strengths, seeds: strengths / 3 if seeds else float("nan"), x=lambda **v: 1.0)
    held = opened(
        tmp_path, {"strengths": [1, 2, 4], "seeds": [0, 1]}, lambda v: "broken" if v["strengths"] == 2 else measured(v)
    )
    text = all_models(held, GOAL, ["x"], 100, {1: "model-1"})
    heads, rows = table(text)
    assert heads == ["cell", "status", "beta", "seed", "x", "mig"]
    assert [row[1:] for row in rows] == [
        ["diverged", "1", "0", "", ""],
        ["finished", "1", "1", "1", "0.333333"],
        ["failed", "2", "0", "", ""],
        ["failed", "2", "1", "", ""],
        ["diverged", "4", "0", "", ""],
        ["finished", "4", "1", "1", "1.33333"],
    ]
    assert rows[1][0] == f'<a href="#model-1">{held.cell(1)}</a>' and "All 6 rows of results.parquet" in text


def test_of_too_many_the_best_are_there(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [*range(1, 31)]}, of(lambda strengths: -abs(strengths - 20)))
    text = all_models(held, GOAL, [], 3, {})
    assert [row[2] for row in table(text)[1]] == ["20", "19", "21"]
    assert "The best 3 by mig of 30 rows of results.parquet, which has the others." in text
    text = all_models(held, Goal("mig", False, ""), [], 2, {})
    assert [row[2] for row in table(text)[1]] == ["1", "2"]


def test_columns_are_limited_and_said(tmp_path: Path) -> None:
    measured = of(lambda strengths: 1.0, **{f"m{k}": lambda strengths: 2.0 for k in range(40)})
    text = all_models(opened(tmp_path, {"strengths": [1, 2]}, measured), GOAL, ["m39"], 100, {})
    heads, _ = table(text)
    assert len(heads) == 3 + COLUMNS and heads[3:5] == ["m39", "mig"] and "It has 11 more columns of numbers." in text
