"""What the Grafana dashboard promises: it asks for what the gateway counts, and it can be read."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tollway.gateway.metrics import TABLE

ROOT = Path(__file__).parent.parent
FILE = ROOT / "deploy" / "grafana" / "tollway.json"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"
SUFFIXES = ("_bucket", "_sum", "_count")
SELECTOR = re.compile(r"(tollway_[a-z_]+)(?:\{([^}]*)\})?")
BY = re.compile(r"by \(([^)]*)\)")


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def expressions(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def counted(name: str) -> str:
    """The metric that a series belongs to."""
    known = {metric.name: metric.kind for metric in TABLE}
    for suffix in SUFFIXES:
        stem = name.removesuffix(suffix)
        if stem != name and known.get(stem) == "histogram":
            return stem
    return name


def test_every_metric_that_it_asks_for_is_in_the_reference(board: dict[str, Any]) -> None:
    page = REFERENCE.read_text()
    queries = [
        each["query"]["query"] for each in board["templating"]["list"] if "datasource" in each
    ]
    asked = {found[1] for text in expressions(board) + queries for found in SELECTOR.finditer(text)}
    assert len(asked) > 10
    assert [name for name in asked if f"| `{counted(name)}` |" not in page] == []


def test_every_metric_of_the_gateway_is_shown_somewhere(board: dict[str, Any]) -> None:
    asked = {counted(found[1]) for text in expressions(board) for found in SELECTOR.finditer(text)}
    assert {metric.name for metric in TABLE} == asked


def test_it_asks_by_labels_that_the_metric_has(board: dict[str, Any]) -> None:
    labels = {metric.name: {*metric.labels, "le"} for metric in TABLE}
    for text in expressions(board):
        for found in SELECTOR.finditer(text):
            used = set(re.findall(r"(\w+)=~?\"", found[2] or ""))
            assert used <= labels[counted(found[1])], text
        metrics = [counted(found[1]) for found in SELECTOR.finditer(text)]
        for group in BY.findall(text):
            assert {each.strip() for each in group.split(",")} <= labels[metrics[0]], text


def test_brackets_are_closed_in_every_query(board: dict[str, Any]) -> None:
    for text in expressions(board):
        for pair in ("()", "{}", "[]"):
            assert text.count(pair[0]) == text.count(pair[1]), text


def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_it_names_no_data_source_but_the_one_that_is_chosen(board: dict[str, Any]) -> None:
    text = FILE.read_text()
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {"tollway", "${datasource}"}
    assert board["templating"]["list"][0]["query"] == "prometheus"


def test_it_is_what_its_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("dashboard", ROOT / "scripts" / "dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert FILE.read_text() == module.dashboard(), "run `make docs`"
