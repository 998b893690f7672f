"""Charts as pictures that a page draws by itself (SVG): points with their names under the pointer, lines, axes.

They take the page's colours, in light and dark, and stay sharp in any size.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 14, 50
TICKS = 6
"""At most, about."""
ROUNDING = 1e-9
"""Of a step, by which an axis may miss its last tick."""
DECADES = 2.0
"""Of a logarithmic axis that is longer, ticks are powers of ten."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """An axis: its label, its ends, and whether it is logarithmic. Ends that are the same, or the wrong way round where
    there is nothing to show, are moved apart.
    """

    label: str
    low: float
    high: float
    log: bool = False

    @classmethod
    def of(cls, label: str, values: Iterable[float], *, log: bool = False) -> "Scale":
        """For finite values, with a little room at both ends; logarithmic only where all are above 0."""
        found = list(values)
        low, high = min(found, default=0.0), max(found, default=1.0)
        if log and low > 0:
            return cls(label, low, max(high, 1.01 * low), True)
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(label, low - room, high + room)

    def share(self, value: float) -> float:
        """How far along the axis a value is, 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        return _powers(self.low, self.high) if self.log else _round(self.low, self.high)


class Dot(NamedTuple):
    """A point with what the pointer shows of it; `reach` are the ends of intervals, across and up."""

    at: Point
    name: str
    kind: str = ""
    reach: tuple[Point, Point] | None = None


class Line(NamedTuple):
    """Points that are joined, what kind of line it is, a class of STYLE, and what the pointer shows of it."""

    points: Sequence[Point]
    kind: str
    name: str = ""


@dataclass(frozen=True)
class Chart:
    """What a chart shows, and what those are told who cannot see it."""

    label: str
    x: Scale
    y: Scale
    lines: Sequence[Line] = field(default=())
    dots: Sequence[Dot] = field(default=())

    def html(self, caption: str) -> str:
        """The chart with its caption, as wide as one of two that stand side by side."""
        parts = [*self._axes(), *map(self._line, self.lines), *map(self._dot, self.dots)]
        return (
            f'<figure class="narrow chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{html.escape(self.label)}">{"".join(parts)}</svg>'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def _across(self, x: float) -> float:
        return LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)

    def _up(self, y: float) -> float:
        return HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM)

    def _axes(self) -> Iterable[str]:
        foot, left, middle = HEIGHT - BOTTOM, LEFT, (TOP + HEIGHT - BOTTOM) / 2
        for value in self.x.ticks():
            at = f"{self._across(value):.1f}"
            yield f'<path class="grid" d="M{at} {TOP}V{foot}"/><text x="{at}" y="{foot + 18}">{_short(value)}</text>'
        for value in self.y.ticks():
            at = f"{self._up(value):.1f}"
            yield f'<path class="grid" d="M{left} {at}H{WIDTH - RIGHT}"/>'
            yield f'<text class="beside" x="{left - 6}" y="{at}" dy="0.35em">{_short(value)}</text>'
        yield f'<text x="{(left + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}">{html.escape(self.x.label)}</text>'
        turned = f'transform="translate(14 {middle}) rotate(-90)"'
        yield f"<text {turned}>{html.escape(self.y.label)}</text>"

    def _line(self, line: Line) -> str:
        places = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in line.points)
        title = f"<title>{html.escape(line.name)}</title>" if line.name else ""
        return f'<polyline class="{line.kind}" points="{places}">{title}</polyline>'

    def _dot(self, dot: Dot) -> str:
        x, y = self._across(dot.at[0]), self._up(dot.at[1])
        bars = ""
        if dot.reach is not None:
            (low_x, high_x), (low_y, high_y) = dot.reach
            across = f"M{self._held(self._across, low_x, self.x):.1f} {y:.1f}"
            across += f"H{self._held(self._across, high_x, self.x):.1f}"
            up = f"M{x:.1f} {self._held(self._up, low_y, self.y):.1f}V{self._held(self._up, high_y, self.y):.1f}"
            bars = f'<path class="bar" d="{across}{up}"/>'
        title = f"<title>{html.escape(dot.name)}</title>"
        kind = f' class="{dot.kind}"' if dot.kind else ""
        return f'{bars}<circle{kind} cx="{x:.1f}" cy="{y:.1f}" r="4">{title}</circle>'

    @staticmethod
    def _held(place: Callable[[float], float], value: float, scale: Scale) -> float:
        """Where a value is, or the end of the axis beyond which it lies."""
        return place(min(max(value, scale.low), scale.high))


def key(entries: Sequence[tuple[str, str]]) -> str:
    """What lines of each kind are: a sample, and words beside it."""
    lines = "".join(
        f'<li><svg viewBox="0 0 40 10" aria-hidden="true"><polyline class="{kind}" points="0,5 40,5"/></svg>'
        f"<span>{html.escape(text)}</span></li>"
        for kind, text in entries
    )
    return f'<ul class="key">{lines}</ul>'


def _short(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _round(low: float, high: float) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough)
    first, last = math.ceil(low / step - ROUNDING), math.floor(high / step + ROUNDING)
    return [k * step for k in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten, and on a short axis their doubles and fives."""
    decades = math.log10(high / low)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil(decades / TICKS))
    times = (1, 2, 5) if decades < DECADES else (1,)
    found = [time * 10.0**power for power in range(first, last + 1, every) for time in times]
    return [value for value in found if low <= value <= high]


STYLE = """
.chart svg { width: 100%; height: auto; display: block; }
.chart text { font: 14px system-ui, sans-serif; fill: var(--soft); text-anchor: middle; }
.chart text.beside { text-anchor: end; }
.chart .grid { stroke: var(--line); fill: none; }
.chart .bar { stroke: var(--accent); stroke-opacity: 0.5; fill: none; }
.chart circle { fill: var(--soft); fill-opacity: 0.55; }
.chart circle.front { fill: var(--accent); fill-opacity: 1; }
polyline { fill: none; stroke: var(--soft); stroke-width: 1.6; stroke-linejoin: round; }
polyline.front { stroke: var(--accent); stroke-dasharray: 2 3; }
polyline.best { stroke: var(--accent); stroke-width: 2; }
polyline.middle { stroke: var(--ink); stroke-dasharray: 6 3; }
polyline.worst { stroke: #d0602c; stroke-dasharray: 2 3; }
.key { list-style: none; padding: 0; margin: 8px 0; font: 0.8em/1.5 system-ui, sans-serif; }
.key li { display: flex; gap: 10px; align-items: center; }
.key svg { flex: 0 0 40px; height: 10px; }
"""
