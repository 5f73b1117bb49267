"""A page as one file: it loads nothing and runs nothing, for a screen, a phone, a keyboard, paper.

Rules
1. Styles and charts are in it, and there is no script.
2. It begins with what was asked, and ends with what it was made of and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tollway.web.markup import element, words


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of the head of a page: its name, the figure, and what must be known of it."""

    name: str
    figure: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page; `inside` is markup."""

    name: str
    title: str
    inside: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a page is, what was asked in one sentence, and its main figures. `made` is its last
    line."""

    title: str
    asked: str
    facts: Sequence[Fact]
    made: str


def document(head: Head, sections: Sequence[Section]) -> str:
    """The whole file."""
    style = files("tollway.web").joinpath("page.css").read_text("utf-8")
    top = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        + element("title", words(head.title))
        + f"<style>{style}</style>"
    )
    boxes = "".join(
        element("div", element("dt", words(one.name)),
                element("dd", words(one.figure), element("small", words(one.more))))
        for one in head.facts
    )  # fmt: skip
    shown = [one for one in sections if one.inside]
    body = "".join(
        element("section", element("h2", words(one.title), id=f"{one.name}-title"), one.inside,
                id=one.name, aria_labelledby=f"{one.name}-title")
        for one in shown
    )  # fmt: skip
    main = element(
        "main",
        element("h1", words(head.title)),
        element("p", words(head.asked), class_="lead"),
        element("dl", boxes, class_="facts"),
        body,
    )
    first = shown[0].name if shown else ""
    skip = element("a", "Skip to the figures", href=f"#{first}", class_="skip") if first else ""
    footer = element("footer", element("p", words(head.made), class_="soft"))
    inside = element("head", top) + element("body", skip, main, footer)
    return "<!doctype html>\n" + element("html", inside, lang="en") + "\n"


def notes(lines: Sequence[str]) -> str:
    """Sentences, one a point; empty where there are none."""
    points = "".join(element("li", words(one)) for one in dict.fromkeys(lines))
    return element("ul", points, class_="plain") if points else ""
