"""Charts: where points lie, which ticks an axis has, and that what is drawn is well-formed."""

import math
import xml.etree.ElementTree as ET

import pytest

from pyvae.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Dot, Line, Scale, key


def drawn(chart: Chart) -> ET.Element:
    figure = ET.fromstring(chart.html("a caption"))
    svg = figure.find("svg")
    assert svg is not None
    return svg


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3.0, 9.0, [-2, 0, 2, 4, 6, 8]),
        (15.0, 147.0, [25, 50, 75, 100, 125]),
        (0.0011, 0.0018, [0.0012, 0.0014, 0.0016, 0.0018]),
        (-1e9, 1e9, [-1e9, -5e8, 0, 5e8, 1e9]),
    ],
)
def test_linear_ticks_are_round_and_within(low: float, high: float, ticks: list[float]) -> None:
    assert Scale("x", low, high).ticks() == pytest.approx(ticks)


def test_logarithmic_ticks() -> None:
    assert Scale("x", 10, 1000, log=True).ticks() == [10, 100, 1000]
    assert Scale("x", 30, 450, log=True).ticks() == [50, 100, 200]
    assert Scale("x", 1, 1e12, log=True).ticks() == pytest.approx([1, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12])


@pytest.mark.parametrize("values", [[], [0.0], [2.0, 2.0], [-4.0], [1e-30, 1e-30], [1e300, -1e300], [5, 5.0000001]])
@pytest.mark.parametrize("log", [False, True])
def test_ends_lie_apart_whatever_there_is_to_show(values: list[float], log: bool) -> None:
    scale = Scale.of("x", values, log=log)
    assert scale.low < scale.high and all(0 <= scale.share(value) <= 1 for value in values)
    assert all(math.isfinite(tick) for tick in scale.ticks()) and len(scale.ticks()) <= 15


def test_only_positive_values_have_a_logarithmic_axis() -> None:
    assert Scale.of("x", [1, 100], log=True).log and not Scale.of("x", [0, 100], log=True).log


def test_points_lie_where_their_values_are() -> None:
    x, y = Scale("across", 0, 10), Scale("up <b>", 0, 100)
    reach = ((4.0, 20.0), (-50.0, 60.0))
    dots = [Dot((0, 0), "first & <b>"), Dot((10, 100), "second", "front"), Dot((5, 50), "third", reach=reach)]
    svg = drawn(Chart("points", x, y, [Line([(0, 100), (10, 0)], "best", "a line")], dots))
    places = [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in svg.iter("circle")]
    assert places == [(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, TOP), pytest.approx((WIDTH / 2 + 26, 132))]
    titles = [title.text for one in svg.iter("circle") if (title := one.find("title")) is not None]
    assert titles == ["first & <b>", "second", "third"]
    (line,) = svg.iter("polyline")
    assert line.get("points") == f"{LEFT:.1f},{TOP:.1f} {WIDTH - RIGHT:.1f},{HEIGHT - BOTTOM:.1f}"
    (bar,) = [path.get("d", "") for path in svg.iter("path") if path.get("class") == "bar"]
    assert f"H{WIDTH - RIGHT:.1f}" in bar and f" {HEIGHT - BOTTOM:.1f}V" in bar  # no further than the axes
    assert "up <b>" in [text.text for text in svg.iter("text")]


def test_the_key_names_each_kind() -> None:
    text = key([("best", "a & b"), ("worst", "c")])
    assert 'class="best"' in text and "a &amp; b" in text and text.count("<li>") == 2
