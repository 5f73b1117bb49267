"""A plot as SVG: no dependency, and colours that follow the reader's light or dark ground."""

from collections.abc import Sequence
from html import escape

from tollway.cli.plot import HEIGHT, SHAPES, WIDTH, Band, Dot, Line, Mark, Plot, Text, marks

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b45f9b", "#8a6d00", "#4f8fc0")
"""Told apart by the colour-blind (after Okabe and Ito, 2008), and seen on white and on black."""

_STYLE = """
svg { background: #ffffff; color: #1c1c1c; font-family: system-ui, sans-serif }
text { fill: currentColor }
.ink { stroke: currentColor; fill: none }
.grid { stroke: currentColor; stroke-opacity: 0.15; fill: none }
@media (prefers-color-scheme: dark) { svg { background: #16181c; color: #e6e6e6 } }
"""


def as_svg(plot: Plot) -> str:
    """The whole file."""
    body = "\n".join(_mark(mark) for mark in marks(plot))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">\n'
        f"<title>{escape(plot.title)}</title>\n<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def _mark(mark: Mark) -> str:
    match mark:
        case Line(points=points, series=number, faint=faint):
            if number is None:
                return f'<polyline class="{"grid" if faint else "ink"}" points="{_path(points)}"/>'
            colour = COLOURS[number % len(COLOURS)]
            path = f'points="{_path(points)}" fill="none"'
            return f'<polyline {path} stroke="{colour}" stroke-width="2"/>'
        case Band(points=points, series=number):
            colour = COLOURS[number % len(COLOURS)]
            return f'<polygon points="{_path(points)}" fill="{colour}" fill-opacity="0.18"/>'
        case Dot():
            return _dot(mark)
        case _:
            return _text(mark)


def _dot(mark: Dot) -> str:
    colour = COLOURS[mark.series % len(COLOURS)]
    corners = corners_of(mark)
    if not corners:
        return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="4.5" fill="{colour}"/>'
    return f'<polygon points="{_path(corners)}" fill="{colour}"/>'


def corners_of(mark: Dot) -> tuple[tuple[float, float], ...]:
    """The corners of a point's shape; none of a disc, whose radius is 4.5."""
    x, y = mark.x, mark.y
    shapes = (
        (),
        ((x - 4, y - 4), (x + 4, y - 4), (x + 4, y + 4), (x - 4, y + 4)),
        ((x - 5.5, y + 4), (x + 5.5, y + 4), (x, y - 5.5)),
        ((x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6)),
    )
    return shapes[mark.series % SHAPES]


def _text(mark: Text) -> str:
    x, y = f"{mark.x:.1f}", f"{mark.y:.1f}"
    turned = f' transform="rotate(-90 {x} {y})"' if mark.upright else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{mark.size}" text-anchor="{mark.anchor}"{turned}>'
        f"{escape(mark.words)}</text>"
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
