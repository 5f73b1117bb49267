"""Charts as inline SVG: stacked columns with a band, and points with bars.

Rules
1. A chart repeats in colour what a table beside it says in words; each mark has its value as a
   title.
2. Values are drawn from 0 on, but points, which are drawn between their ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from tollway.web.markup import element, words

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 34, 34
COLOURS = 8
"""Series that page.css has colours for; further ones begin again."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one colour, one for each column; `shown` are their words."""

    name: str
    values: Sequence[float]
    shown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Band:
    """A range in each column, and a line within it."""

    name: str
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True)
class Point:
    """A point, and how far it may be below, to the left and downwards."""

    name: str
    x: float
    y: float
    less: float


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to where they are drawn."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is; beyond the ends, at the end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values from about `low` to at least `high`."""
    span = max(high - low, 1e-12)
    power = 10.0 ** floor(log10(span / count))
    step = next(it * power for it in (1, 2, 5, 10) if it * power * count >= span * 0.999)
    first, last = floor(low / step), ceil(high / step - 1e-9)
    return [at * step for at in range(first, max(last, first + 1) + 1)]


def columns(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    unit: str,
    band: Band | None = None,
    top: float | None = None,
) -> str:
    """Stacked columns, one for each name, cut at `top` where it is given."""
    sums = [sum(one.values[at] for one in series) for at in range(len(names))]
    highest = max([*sums, *(band.high if band else ())], default=0.0) or 1.0
    marks = ticks(0.0, highest if top is None else min(top, highest))
    scale = Scale(0.0, marks[-1], HEIGHT - BOTTOM, TOP)
    width = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    parts = [_grid(marks, scale, unit), _names(names, width)]
    parts += [_column(series, at, width, scale) for at in range(len(names))]
    if band is not None:
        parts.append(_band(band, width, scale))
    return _svg(title, "".join(parts)) + _legend(series, band)


def _column(series: Sequence[Series], at: int, width: float, scale: Scale) -> str:
    parts: list[str] = []
    base = 0.0
    for index, one in enumerate(series):
        low, high = scale(base), scale(base + one.values[at])
        base += one.values[at]
        if low - high > 0.05:
            title = element("title", words(f"{one.name}: {one.shown[at]}"))
            box = {"x": f"{LEFT + width * (at + 0.14):.1f}", "y": f"{high:.1f}"}
            size = {"width": f"{width * 0.72:.1f}", "height": f"{low - high:.1f}"}
            parts.append(element("rect", title, **box, **size, class_=f"s{index % COLOURS}"))
    return "".join(parts)


def _band(band: Band, width: float, scale: Scale) -> str:
    def line(values: Sequence[float]) -> list[str]:
        return [
            f"{LEFT + width * (at + share):.1f},{scale(value):.1f}"
            for at, value in enumerate(values)
            for share in (0, 1)
        ]

    around = " ".join(line(band.high) + line(band.low)[::-1])
    middle = " ".join(line(band.middle))
    return element("polygon", points=around, class_="band") + element(
        "polyline", points=middle, class_="middle"
    )


def _grid(marks: Sequence[float], scale: Scale, unit: str) -> str:
    parts: list[str] = []
    for mark in marks:
        y = scale(mark)
        parts.append(
            element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
        )
        parts.append(
            element("text", words(f"{mark:,.6g}"), x=LEFT - 6, y=f"{y + 4:.1f}", class_="end")
        )
    return "".join(parts) + element("text", words(unit), x=2, y=14)


def _names(names: Sequence[str], width: float) -> str:
    every = ceil(len(names) * 62 / (WIDTH - LEFT - RIGHT))
    return "".join(
        element(
            "text", words(name), x=f"{LEFT + width * (at + 0.5):.1f}", y=HEIGHT - 14, class_="mid"
        )
        for at, name in enumerate(names)
        if at % every == 0
    )


def _legend(series: Sequence[Series], band: Band | None) -> str:
    items = [
        element(
            "li",
            element("span", class_=f"key s{at % COLOURS}", aria_hidden="true"),
            words(one.name),
        )
        for at, one in enumerate(series)
    ]
    if band is not None:
        key = element("span", class_="key band", aria_hidden="true")
        items.append(element("li", key, words(band.name)))
    return element("ul", *items, class_="legend")


def points(title: str, shown: Sequence[Point], across: str, up: str) -> str:
    """Points with what they may be above the best as bars to the left and downwards."""
    xs = [it for one in shown for it in (one.x, one.x - one.less)]
    ys = [it for one in shown for it in (one.y, one.y - one.less)]
    marks = (ticks(min(xs), max(xs)), ticks(min(ys), max(ys)))
    flat = Scale(marks[0][0], marks[0][-1], LEFT, WIDTH - RIGHT)
    tall = Scale(marks[1][0], marks[1][-1], HEIGHT - BOTTOM - 14, TOP)
    parts = [_grid(marks[1], tall, up)]
    for mark in marks[0]:
        at_mark = {"x": f"{flat(mark):.1f}", "y": HEIGHT - 28, "class_": "mid"}
        parts += [element("text", words(f"{mark:,.6g}"), **at_mark)]
    parts.append(element("text", words(across), x=WIDTH - RIGHT, y=HEIGHT - 6, class_="end"))
    for at, one in enumerate(sorted(shown, key=lambda it: (it.x, it.y, it.name))):
        parts.append(_point(one, flat, tall, at))
    return _svg(title, "".join(parts))


def _point(one: Point, flat: Scale, tall: Scale, at: int) -> str:
    x, y = flat(one.x), tall(one.y)
    left, down = flat(one.x - one.less), tall(one.y - one.less)
    bars = f"M{left:.1f},{y:.1f}H{x:.1f}M{x:.1f},{down:.1f}V{y:.1f}"
    title = element("title", words(one.name))
    near = x > WIDTH - 90
    side = {"x": f"{x + (-8 if near else 8):.1f}", "class_": "end" if near else None}
    return (
        element("path", d=bars, class_="bar")
        + element("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=5, class_="s0")
        + element("text", words(one.name), y=f"{y - 8 - 12 * (at % 2):.1f}", **side)
    )


def _svg(title: str, inside: str) -> str:
    picture = element(
        "svg",
        element("title", words(title)),
        inside,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )
    return element("div", picture, class_="scroll", tabindex=0, role="region", aria_label=title)
