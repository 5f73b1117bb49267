"""What a threat model's page promises: one file that asks nobody for anything, and tells all."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest
from pins_fleet import LOCK, fleet

from tollway.pins.concentration import astray, losses, of_candidates
from tollway.pins.threats_judged import Facts
from tollway.pins.threats_model import threat_model
from tollway.web.threat_page import headline, threat_page
from tollway.web.threat_shown import Provenance, Shown, items

VOID = ("meta", "link", "br", "img")


def shown() -> Shown:
    declared = fleet()
    return Shown(
        fleet="fleet.toml",
        model=threat_model(Facts(declared, LOCK), {"LLM09": "clerks <b>check</b>"}),
        losses=losses(declared, LOCK),
        astray=astray(LOCK),
        vendors=of_candidates(declared),
        provenance=Provenance(declared.digest, "ab" * 32, date(2026, 11, 23)),
    )


class Read(HTMLParser):
    """A page's elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def text() -> str:
    return threat_page(shown())


@pytest.fixture(scope="module")
def page(text: str) -> Read:
    return Read(text)


def test_it_nests_and_every_part_has_a_name(page: Read) -> None:
    assert page.open == []
    ids = [it["id"] for _, it in page.seen if "id" in it]
    assert len(ids) == len(set(ids))
    sections = [it for tag, it in page.seen if tag == "section"]
    assert [it["id"] for it in sections] == [
        "open", "matrix", "losses", "unjudged", "answered", "outside", "provenance",
    ]  # fmt: skip
    assert {it["aria-labelledby"] for it in sections} <= set(ids)


def test_it_loads_nothing_and_runs_nothing(page: Read, text: str) -> None:
    assert {tag for tag, _ in page.seen}.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert not [it for _, it in page.seen if "src" in it or any(key[:2] == "on" for key in it)]
    assert {it["href"] for tag, it in page.seen if tag == "a"} == {"#open"}
    assert not re.search(r"url\(|@import", text)


def test_names_are_text_whatever_they_hold(page: Read, text: str) -> None:
    assert "<script>" not in text
    assert "egress rule <script>alert(1)</script>" in page.text
    assert "clerks <b>check</b>" in page.text


def test_all_that_is_open_or_not_judged_is_on_it_with_its_mend(page: Read) -> None:
    model = shown().model
    for status in ("open", "not judged", "accepted"):
        for item in items(model, status):
            assert item.verdict.why in page.text
            assert item.verdict.mend in page.text
            assert all(threat in page.text for threat in item.threats)
    for item in items(model, "answered"):
        assert item.verdict.residual in page.text


def test_what_one_loss_takes_away_and_what_it_rests_on_are_on_it(page: Read) -> None:
    for loss in shown().losses:
        assert loss.name in page.text
    for word in ("5.6.0", "CC-BY-SA-4.0", "2026-11-23", shown().provenance.fleet, "ab" * 32, "HHI"):
        assert word in page.text


def test_its_head_says_how_it_stands() -> None:
    count = len(items(shown().model, "open"))
    assert headline(shown()) == f"{count} things open in fleet.toml"


def test_the_same_model_gives_the_same_page(text: str) -> None:
    assert threat_page(shown()) == text
