"""A plot as PNG, on white, with Pillow: the optional extra `plot`."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from tollway.cli.plot import HEIGHT, WIDTH, Band, Dot, Line, Plot, Text, marks
from tollway.cli.plot_svg import COLOURS, corners_of
from tollway.errors import TollwayError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

SHOWN = 2
"""Pixels for one unit of the sheet."""

_SCALE = SHOWN * 3
"""As drawn: three times as large, so that edges are smooth once it is made small."""

_INK, _GRID, _GROUND = "#1c1c1c", "#dddddd", "#ffffff"
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def as_png(plot: Plot) -> bytes:
    """The whole file.

    Raises:
        TollwayError: Pillow is not installed.
    """
    try:
        from PIL import Image
        from PIL.ImageDraw import Draw
    except ImportError:
        raise TollwayError(
            'PNG needs Pillow. Install it with pip install "tollway[plot]", or write an .svg file.'
        ) from None
    sheet = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _GROUND)
    for mark in marks(plot):
        match mark:
            case Band():
                _paint_band(sheet, mark)
            case Text(upright=True):
                _paint_upright(sheet, mark)
            case _:
                _paint(Draw(sheet), mark)
    small = sheet.resize((WIDTH * SHOWN, HEIGHT * SHOWN), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def _paint(draw: "ImageDraw", mark: Line | Dot | Text) -> None:
    match mark:
        case Line(points=points, series=None, faint=faint):
            draw.line(_scaled(points), _GRID if faint else _INK, _SCALE, "curve")
        case Line(points=points, series=int(number)):
            draw.line(_scaled(points), COLOURS[number % len(COLOURS)], 2 * _SCALE, "curve")
        case Dot():
            colour, corners = COLOURS[mark.series % len(COLOURS)], corners_of(mark)
            if corners:
                draw.polygon(_scaled(corners), colour)
            else:
                draw.circle((mark.x * _SCALE, mark.y * _SCALE), 4.5 * _SCALE, colour)
        case Text():
            place = (mark.x * _SCALE, mark.y * _SCALE)
            draw.text(place, mark.words, _INK, _font(mark), _ANCHORS[mark.anchor])


def _paint_band(sheet: "Image", mark: Band) -> None:
    from PIL import Image
    from PIL.ImageDraw import Draw

    veil = Image.new("L", sheet.size, 0)
    Draw(veil).polygon(_scaled(mark.points), 46)  # 18% of 255, as the SVG
    sheet.paste(COLOURS[mark.series % len(COLOURS)], mask=veil)


def _paint_upright(sheet: "Image", mark: Text) -> None:
    from PIL import Image
    from PIL.ImageDraw import Draw

    font = _font(mark)
    left, top, right, bottom = font.getbbox(mark.words, anchor="ls")
    words = Image.new("L", (round(right - left), round(bottom - top)), 0)
    Draw(words).text((-left, -top), mark.words, 255, font, "ls")
    turned = words.rotate(90, expand=True)
    place = (round(mark.x * _SCALE + top), round(mark.y * _SCALE - turned.height / 2))
    sheet.paste(_INK, place, turned)


def _font(mark: Text) -> "FreeTypeFont | ImageFont":
    from PIL.ImageFont import load_default

    return load_default(mark.size * _SCALE)


def _scaled(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]
