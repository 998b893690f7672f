"""Which configurations no other one beats, against all pairs, and how they are shown."""

import re
from pathlib import Path

import numpy as np
import pytest

from pyvae.sweeps.report.measures import Goal
from pyvae.sweeps.report.pareto import POINTS, front, trade_off
from tests.sweeps.report.sweeps import noise, of, opened, words


def beaten(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """By the definition."""
    as_good = (x[None] >= x[:, None]) & (y[None] >= y[:, None])
    better = (x[None] > x[:, None]) | (y[None] > y[:, None])
    return (as_good & better).any(1)


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_none_beats(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size = int(draw.integers(1, 40))
    # Whole numbers, so that many are equal in one or in both.
    x, y = (draw.integers(0, 6, size).astype(float) if seed % 2 else draw.normal(size=size) for _ in range(2))
    found = front(x, y)
    assert sorted(found.tolist()) == np.flatnonzero(~beaten(x, y)).tolist()
    assert np.all(np.diff(x[found]) <= 0) and np.all(np.diff(y[found]) >= 0)


def made(folder: Path, largest: bool = True, seeds: int = 2) -> str:
    values = {1: (10.0, 0.1), 2: (20.0, 0.4), 4: (30.0, 0.3), 8: (40.0, 0.6)}
    held = opened(
        folder,
        {"strengths": [*values], "seeds": [*range(seeds)]},
        of(
            lambda strengths, seeds: values[strengths][1] + seeds / 100,
            reconstruction=lambda strengths, seeds: values[strengths][0],
        ),
    )
    return trade_off(held, "reconstruction", Goal("mig", largest, ""), {0: "model-0"})


def test_the_chart_and_the_table_have_the_front(tmp_path: Path) -> None:
    text = made(tmp_path)
    titles = re.findall(r"<circle( class=\"front\")? [^>]*><title>([^<]*)</title>", text)
    assert [name.split(":")[0] for kind, name in titles if kind] == ["beta 1", "beta 2", "beta 8"]
    assert [name.split(" (cell")[0] for kind, name in titles if not kind] == [
        "beta 4: reconstruction 30 (the same in all 2 seeds), mig 0.305 ± 0.064"
    ]
    assert text.count('class="bar"') == 3
    rows = [line for line in words(f"<main>{text}</main>").splitlines() if " | " in line]
    assert [row.split(" | ")[0] for row in rows] == ["beaten by no other", "beta 1", "beta 2", "beta 8"]
    assert 'href="#model-0"' in text and "4 configurations, each point a mean over 2 seeds" in text
    assert "of mig the larger the better: 3 are beaten by no other in both" in text


def test_where_smaller_is_better_one_may_beat_all(tmp_path: Path) -> None:
    text = made(tmp_path, largest=False, seeds=1)
    assert "of mig the smaller the better: 1 is beaten by no other in both, and is joined and coloured." in text
    assert "Bars are" not in text and 'class="bar"' not in text and "each point of one seed" in text


def test_of_many_points_some_are_drawn(tmp_path: Path) -> None:
    axes = {"strengths": [1.0 + k for k in range(60)], "learning_rate": [1e-4 * (k + 1) for k in range(40)]}
    held = opened(
        tmp_path, axes, of(lambda **v: noise("y", *v.values()), reconstruction=lambda **v: noise("x", *v.values()))
    )
    text = trade_off(held, "reconstruction", Goal("mig", True, ""), {})
    drawn = len(re.findall("<circle", text))
    assert POINTS < drawn < 2400 and f"Of the others {POINTS} are drawn." in text


def test_without_both_there_is_a_sentence(tmp_path: Path) -> None:
    held = opened(
        tmp_path,
        {"strengths": [1, 2]},
        lambda v: {
            "finite": True,
            "mig": v["strengths"] if v["strengths"] == 1 else None,
            "x": 1.0 if v["strengths"] == 2 else None,
        },
    )
    assert "No configuration has both x and mig." in trade_off(held, "x", Goal("mig", True, ""), {})
