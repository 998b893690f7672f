"""Heat maps: what is in each place, what is averaged, and what is said of it."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyvae.sweeps.report.maps import maps
from pyvae.sweeps.report.sweep import Sweep
from tests.sweeps.report.sweeps import of, opened

NAN = float("nan")


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every map, row by row, the lines of each joined by a bar."""
    found = re.findall(r"<table.*?</table>", text)
    rows = [re.findall(r"<tr>.*?</tr>", table) for table in found]
    return [[re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row.replace("<br>", "|")) for row in table] for table in rows]


def shares(text: str) -> list[int]:
    return [int(share) for share in re.findall(r"--share: (\d+)%", text)]


def drawn(held: Sweep, measures: Sequence[str] = ("mig",)) -> str:
    return maps(held, measures)


def test_every_place_has_its_mean_and_interval(tmp_path: Path) -> None:
    axes = {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2, 1e-1], "seeds": [0, 1]}
    held = opened(
        tmp_path, axes, of(lambda strengths, learning_rate, seeds: strengths + 8 * learning_rate * (1 + seeds))
    )
    text = drawn(held)
    (table,) = tables(text)
    assert table == [
        ["learning_rate ↓ beta →", "1", "2"],
        ["0.001", "1.01|± 0.05", "2.01|± 0.05"],
        ["0.01", "1.12|± 0.51", "2.12|± 0.51"],
        ["0.1", "2.20|± 5.08", "3.20|± 5.08"],
    ]
    assert shares(text) == [0, 46, 5, 51, 54, 100]
    assert "± is half the 95 % t interval over the seeds of one configuration, 2 at most" in text


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    held = opened(
        tmp_path, {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2]}, of(lambda strengths, **v: strengths / 7)
    )
    text = drawn(held)
    assert "Each configuration has one seed" in text and "±" not in text
    assert tables(text)[0][1] == ["1", "0.143", "0.143"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    def value(strengths: float, seeds: int, **values: float) -> float:
        return NAN if strengths == 2 or (strengths == 4 and seeds == 0) else 1.0 + seeds

    measured = of(value)
    axes = {"strengths": [1, 2, 4, 8], "learning_rate": [1e-3, 1e-2], "seeds": [0, 1]}
    held = opened(
        tmp_path,
        axes,
        lambda values: "broken" if values["strengths"] == 8 and values["learning_rate"] == 1e-2 else measured(values),
        open_cells=0,
    )
    (table,) = tables(drawn(held))
    assert [row[2] for row in table[1:]] == ["1.50|± 6.35", "diverged", "2|1 of 2", "failed"]
    assert "2 of 3: so many of the models there have a value" in drawn(held)


def test_open_cells_leave_their_places_empty(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2]}, of(lambda **v: 0.5), open_cells=1)
    assert [row[1:] for row in tables(drawn(held))[0][1:]] == [["0.500", "0.500"], ["0.500", ""]]


def test_few_other_values_are_maps_of_their_own(tmp_path: Path) -> None:
    axes = {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2], "batch_size": [16, 32]}
    held = opened(tmp_path, axes, of(lambda strengths, learning_rate, batch_size: strengths * batch_size))
    text = drawn(held)
    assert len(tables(text)) == 6 and text.count('class="facets"') == 3
    facets = re.findall(r'<p class="note">(\w+ \S+)</p>.*?(<table.*?</table>)', text)
    assert [name for name, _ in facets[:2]] == ["batch_size 16", "batch_size 32"]
    assert [tables(table)[0][1][1:] for _, table in facets[:2]] == [["16", "16"], ["32", "32"]]


def test_over_many_other_values_there_is_a_mean_with_its_ends(tmp_path: Path) -> None:
    axes = {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2], "batch_size": [16, 17, 18, 19, 20], "seeds": [0, 1]}
    held = opened(tmp_path, axes, of(lambda strengths, batch_size, seeds, **v: strengths * batch_size + seeds))
    text = drawn(held)
    (first, *_) = tables(text)
    assert first[0][0] == "beta ↓ learning_rate →" and first[1][1:] == ["18.5|16.5 to 20.5"] * 2
    assert first[2][1:] == ["36.5|32.5 to 40.5"] * 2
    assert "Means over batch_size." in text and "their mean and, below it, the least and the largest" in text


def test_an_only_axis_is_a_row_for_each_value(tmp_path: Path) -> None:
    held = opened(tmp_path, {"strengths": [1, 2]}, of(lambda strengths: strengths, kl=lambda strengths: 1 / strengths))
    (table,) = tables(drawn(held, ("mig", "kl")))
    assert table == [["beta", "mig", "kl"], ["1", "1", "1.000"], ["2", "2", "0.500"]]


def test_an_axis_of_random_numbers_is_in_groups(tmp_path: Path) -> None:
    draws = {"draws": 40, "seed": 1, "learning_rate": {"log_uniform": [1e-4, 1e-1]}, "latents": {"choice": [2, 3]}}
    held = opened(tmp_path, [{"random": draws}], of(lambda learning_rate, latents: latents))
    (table,) = tables(drawn(held))
    assert len(table) == 9 and all(" to " in row[0] for row in table[1:])
    assert {cell for row in table[1:] for cell in row[1:]} <= {"2|2 to 2", "3|3 to 3", "2", "3", ""}


def test_axes_without_maps_are_named(tmp_path: Path) -> None:
    axes = {"strengths": [1, 2], "batch_size": [16, 32], "latents": [2, 3], "steps": [50, 60], "curve_every": [5, 10]}
    held = opened(tmp_path, axes, of(lambda **values: 0.5), **{})
    assert "Without maps: curve_every, which the table of all models has." in drawn(held)
    assert len(tables(drawn(held))) == 6


@pytest.mark.parametrize("value", [0.5, 0.0, -3.0])
def test_equal_values_have_no_colour(tmp_path: Path, value: float) -> None:
    axes = {"strengths": [1, 2], "learning_rate": [1e-3, 1e-2]}
    assert shares(drawn(opened(tmp_path, axes, of(lambda **v: value)))) == [0, 0, 0, 0]
