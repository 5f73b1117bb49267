"""Colours of the pages by WCAG 2.2: text 4.5:1 (1.4.3), and what charts and edges say 3:1 (1.4.11).

Axe judges text where it stands; lines and areas of a chart it cannot see.
"""

import re
from importlib.resources import files

import pytest

SHEET = files("tollway.console").joinpath("static/console.css").read_text("utf-8")
GROUNDS = ("ground", "panel")
TEXTS = ("ink", "soft", "link", "good", "warn", "bad")
GRAPHICS = ("edge", *(f"s{at}" for at in range(8)))
BADGES = [(name, f"{name}-ground") for name in ("good", "warn", "bad")]


def colours(scheme: str) -> dict[str, str]:
    """The custom properties of a scheme; dark ones stand over light ones."""
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    sheets = (light, dark) if scheme == "dark" else (light,)
    return {
        name: value for one in sheets for name, value in re.findall(r"--([\w-]+): (#\w{6})", one)
    }


def luminance(colour: str) -> float:
    """WCAG's relative luminance of "#rrggbb"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_recommendation() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_can_be_told_from_what_it_stands_on(scheme: str) -> None:
    held = colours(scheme)
    pairs = [(text, on, 4.5) for text in TEXTS for on in GROUNDS]
    pairs += [(graphic, on, 3.0) for graphic in GRAPHICS for on in GROUNDS]
    pairs += [(text, on, 4.5) for text, on in BADGES] + [("on-link", "link", 4.5)]
    found = {(one, on): contrast(held[one], held[on]) for one, on, _ in pairs}
    low = {(one, on): found[one, on] for one, on, least in pairs if found[one, on] < least}
    assert not low


def test_every_colour_that_a_series_may_have_is_judged() -> None:
    assert {name for name in colours("light") if re.fullmatch(r"s\d+", name)} <= {*GRAPHICS}
    assert colours("light").keys() == colours("dark").keys()
