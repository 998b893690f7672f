"""examples/gradients.py measures what quadrature says, and docs/gradients.md shows what it left."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/gradients.md"
RESULT = ROOT / "docs/gradients/result.json"
PARTS = ("gradient_of_mu", "gradient_of_logvar", "value")

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(24)  # exact for polynomials up to degree 47
WEIGHTS = WEIGHTS / WEIGHTS.sum()
Array = np.ndarray
Row = dict


def of_noise(row: Row, target: float) -> tuple[Callable[[Array], Array], ...]:
    """What one sample's gradients of mu and logvar and its value are as polynomials of the noise, by hand."""
    mu, sigma = row["mu"], math.exp(row["logvar"] / 2)
    is_kl, way = row["problem"] == "kl", row["estimator"]

    def z(eps: Array) -> Array:
        return mu + sigma * eps

    def f(eps: Array) -> Array:
        return 0.5 * (z(eps) ** 2 - eps**2 - row["logvar"]) if is_kl else (z(eps) - target) ** 2

    if way == "closed form":
        kl = 0.5 * (mu**2 + sigma**2 - 1 - row["logvar"])
        return (lambda eps: mu + 0 * eps, lambda eps: 0.5 * (sigma**2 - 1) + 0 * eps, lambda eps: kl + 0 * eps)
    if way.startswith("score function"):
        baseline = WEIGHTS @ f(NODES) if way.endswith("baseline") else 0.0
        return (
            lambda eps: (f(eps) - baseline) * eps / sigma,
            lambda eps: (f(eps) - baseline) * 0.5 * (eps**2 - 1),
            f,
        )
    if is_kl and way == "reparameterised":
        return z, lambda eps: 0.5 * (z(eps) * sigma * eps - 1), f

    def slope(eps: Array) -> Array:
        return z(eps) - eps / sigma if is_kl else 2 * (z(eps) - target)

    return slope, lambda eps: slope(eps) * 0.5 * sigma * eps, f


def check(rows: list[Row], target: float, samples: int) -> None:
    """Closed forms are those of quadrature, and what was measured lies within five standard errors, which are exact."""
    for row in rows:
        for part, polynomial in zip(PARTS, of_noise(row, target), strict=True):
            cell, values = row[part], polynomial(NODES)
            mean = WEIGHTS @ values
            second, fourth = (WEIGHTS @ (values - mean) ** power for power in (2, 4))
            where = (row["problem"], row["estimator"], row["mu"], row["logvar"], part)
            assert cell["truth"] == pytest.approx(mean, rel=1e-9, abs=1e-12), where
            assert cell["closed_form"] == pytest.approx(second, rel=1e-9, abs=1e-12), where
            assert abs(cell["mean"] - mean) <= 5 * math.sqrt(max(0, second) / samples) + 1e-6, where
            error = math.sqrt(max(0, fourth - second**2) / samples)
            assert abs(cell["variance"] - second) <= 5 * error + 1e-12, where


def check_all(result: dict) -> None:
    settings = result["settings"]
    check(result["table"], settings["target"], settings["samples"])
    for line in result["curves"].values():
        for rows in line:
            check(rows, settings["target"], settings["samples_of_curves"])


def test_it_measures_what_quadrature_says(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/gradients.py", tmp_path / "out", "--samples", "40000", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(found) == {"gradients.png", "result.json"} and found["gradients.png"].startswith(b"\x89PNG")
    result = json.loads(found["result.json"])
    check_all(result)
    committed = json.loads(RESULT.read_text())
    assert result.keys() == committed.keys()
    assert [names(row) for row in result["table"]] == [names(row) for row in committed["table"]]
    assert all(f"\n{row['estimator']} " in done.stdout for row in result["table"])


def names(row: Row) -> tuple:
    return row["problem"], row["mu"], row["logvar"], row["estimator"]


def test_the_committed_figures_are_what_quadrature_says() -> None:
    check_all(json.loads(RESULT.read_text()))


def test_at_collapse_the_value_is_quiet_and_its_gradient_is_not() -> None:
    rows = {row["estimator"]: row for row in at("kl", "collapsed")}
    one_sample, closed = rows["reparameterised"], rows["closed form"]
    assert one_sample["value"]["variance"] == one_sample["value"]["closed_form"] == 0
    assert (one_sample["gradient_of_mu"]["closed_form"], one_sample["gradient_of_logvar"]["closed_form"]) == (1, 0.5)
    assert one_sample["gradient_of_mu"]["variance"] == pytest.approx(1, rel=0.01)
    assert one_sample["gradient_of_logvar"]["variance"] == pytest.approx(0.5, rel=0.01)
    assert not any(closed[part]["variance"] for part in PARTS)


def at(problem: str, point: str) -> list[Row]:
    result = json.loads(RESULT.read_text())
    place = result["settings"]["points"][point]
    return [row for row in result["table"] if row["problem"] == problem and [row["mu"], row["logvar"]] == place]


def shown(value: float) -> str:
    return "0" if value == 0 else f"{value:#.3g}".rstrip(".")


def pair(cell: dict) -> str:
    return f"{shown(cell['variance'])} ({shown(cell['closed_form'])})"


def test_the_page_shows_the_committed_figures() -> None:
    page = PAGE.read_text()
    for problem, head in (("quadratic", "E (z − 2)²"), ("kl", "KL(q ‖ N(0, 1))")):
        expected = [
            [row["estimator"], *(pair(cells[part]) for cells in (row, other) for part in PARTS[:2])]
            for row, other in zip(at(problem, "collapsed"), at(problem, "in use"), strict=True)
        ]
        _, _, table = page.partition(f"| {head} | mu, collapsed | logvar, collapsed | mu, in use | logvar, in use |\n")
        lines = table.partition("\n\n")[0].splitlines()[1:]
        assert [line.strip("| ").split(" | ") for line in lines] == expected
    assert page.count("| mu, collapsed |") == 2


def test_what_the_text_says_is_so() -> None:
    result, text = json.loads(RESULT.read_text()), " ".join(PAGE.read_text().split())
    settings = result["settings"]
    assert settings["points"] == {"collapsed": [0, 0], "in use": [1.5, -2]} and settings["target"] == 2
    assert f"{settings['samples']:,} samples with seed {settings['seed']}".replace(",", " ") in text
    assert f"Points are of {settings['samples_of_curves']:,} samples".replace(",", " ") in text
    value = at("kl", "in use")[0]["value"]
    assert f"(in use {shown(value['variance'])}, in closed form {shown(value['closed_form'])})" in text
    cells = [row[part] for row in result["table"] for part in PARTS if row[part]["closed_form"]]
    apart = max(abs(cell["variance"] / cell["closed_form"] - 1) for cell in cells)
    assert re.search(r"differ by (\d\.\d) % at most", text).group(1) == f"{100 * apart:.1f}"


def test_the_picture_is_on_the_page() -> None:
    shown_there = set(re.findall(r"!\[[^]]+\]\(gradients/([^)]+)\)", PAGE.read_text()))
    assert shown_there == {path.name for path in RESULT.parent.glob("*.png")}
