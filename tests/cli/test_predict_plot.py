"""Plots of predictions: what is drawn, in both formats, and nothing where it cannot be."""

import re
import struct
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tollway.cli.app import run
from tollway.cli.plot import HEIGHT, WIDTH, Dot, Line, Plot, Point, Series, Text, marks
from tollway.cli.plot_png import SHOWN
from tollway.cli.plot_svg import as_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path))
    return tmp_path


def point(x: float, y: float) -> Point:
    return Point(x, y, (0.8 * x, 0.8 * y), (1.25 * x, 1.25 * y), "8")


def plot(*series: Series) -> Plot:
    return Plot("a <title> & more", "tokens/s a user", "tokens/s a chip", "a note", series)


CURVE = Series("8 x h200", (point(100, 30), point(80, 400), point(20, 1500)))
ALONE = Series("4 x b200", (point(50, 100),))
REFUSED = Series("1 x l4: refused", ())


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_tick_is_where_its_value_is() -> None:
    drawn = list(marks(plot(CURVE)))
    dots = [mark for mark in drawn if isinstance(mark, Dot)]
    ticks = {m.words: m.x for m in drawn if isinstance(m, Text) and m.anchor == "middle"}
    # 20 and 100 are values of the curve and have ticks.
    assert dots[0].x == pytest.approx(ticks["100"])
    assert dots[2].x == pytest.approx(ticks["20"])
    assert all(0 < dot.x < WIDTH and 0 < dot.y < HEIGHT for dot in dots)


def test_equal_ratios_are_equal_distances() -> None:
    even = Series("even", tuple(point(10.0**power, 10.0**power) for power in (0, 1, 2)))
    one, two, three, _ = (mark for mark in marks(plot(even)) if isinstance(mark, Dot))
    assert two.x - one.x == pytest.approx(three.x - two.x)
    assert one.y - two.y == pytest.approx(two.y - three.y)


def test_a_curve_has_a_band_and_a_single_point_has_bars() -> None:
    svg = ElementTree.fromstring(as_svg(plot(CURVE, ALONE)))
    bands = [found for found in svg.iter(f"{SVG}polygon") if found.get("fill-opacity")]
    assert len(bands) == 1
    assert len((bands[0].get("points") or "").split()) == 2 * len(CURVE.points)
    bars = [
        mark
        for mark in marks(plot(CURVE, ALONE))
        if isinstance(mark, Line) and mark.series == 1 and len(mark.points) == 2
    ]
    assert len(bars) == 2


def test_words_are_escaped_and_what_was_refused_is_in_the_legend() -> None:
    shown = words(as_svg(plot(CURVE, REFUSED)))
    assert "a <title> & more" in shown
    assert "1 x l4: refused" in shown


def test_an_svg_follows_the_readers_light_or_dark_ground() -> None:
    svg = as_svg(plot(CURVE))
    assert "prefers-color-scheme: dark" in svg
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", svg)


def test_a_sweep_of_several_chips_is_drawn(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    options = ("--model", "llama-3.1-8b", "--compare", "h100,b200,crescent-island-480")
    assert run(["predict", *options, "--sweep", "concurrency=1,8,64", "--plot", "x.svg"]) == 0
    assert "Drawn into x.svg." in capsys.readouterr().err
    text = (folder / "x.svg").read_text()
    assert {"1 x h100", "1 x b200", "1 x crescent-island-480"} <= set(words(text))
    assert text.count("<polygon") >= 3


def test_a_png_has_the_plots_size(folder: Path) -> None:
    options = ("--model", "llama-3.1-8b", "--chip", "h100", "--sweep", "concurrency=1,8")
    assert run(["predict", *options, "--plot", "x.png"]) == 0
    head = (folder / "x.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (WIDTH * SHOWN, HEIGHT * SHOWN)
    assert [path.name for path in folder.iterdir()] == ["x.png"]


def test_without_pillow_the_mend_is_named_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    options = ("--model", "llama-3.1-8b", "--chip", "h100", "--plot", "x.png")
    assert run(["predict", *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        'PNG needs Pillow. Install it with pip install "tollway[plot]", or write an .svg file.\n'
    )
    assert not list(folder.iterdir())
