"""A page as one file: its style inside, and sections with titles that a keyboard can jump to."""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from tollway.web.markup import element, words


class Section(NamedTuple):
    """A part of a page: its id, its title, and its markup."""

    name: str
    title: str
    inside: str


def page(title: str, skip: str, header: str, sections: Sequence[Section], footer: str = "") -> str:
    """The whole file. `skip` is what the link says that jumps to the first section."""
    body = "".join(
        element("section", element("h2", words(it.title), id=f"{it.name}-title"), it.inside,
                id=it.name, aria_labelledby=f"{it.name}-title")
        for it in sections
    )  # fmt: skip
    style = files("tollway.web").joinpath("page.css").read_text("utf-8")
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        + element("title", words(title))
        + f"<style>{style}</style>"
    )
    jump = element("a", words(skip), href=f"#{sections[0].name}", class_="skip")
    inside = element("head", head) + element("body", jump, element("main", header, body), footer)
    return "<!doctype html>\n" + element("html", inside, lang="en") + "\n"
