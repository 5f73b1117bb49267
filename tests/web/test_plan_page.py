"""What a plan's page promises: one file, readable by anyone, with the plan's own figures."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from planner_plans import ANSWER, INSTANCE, PLAN
from web_plans import shown

from tollway.planner.overview import overview
from tollway.web.amounts import about, percent
from tollway.web.charts import ticks
from tollway.web.plan_page import headline, lead, plan_page

VOID = ("meta", "link", "br", "img")
LOADS = ("src", "srcset", "action", "data", "poster", "xlink:href")


class Read(HTMLParser):
    """A page's tables, its elements, and whether it nests."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption = ""
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] == "caption":
            self._caption = data
            self.tables[data] = []
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[self._caption][-1][-1] += data


@pytest.fixture(scope="module")
def page() -> Read:
    return Read(plan_page(shown()))


def test_it_nests_and_every_part_has_a_name(page: Read) -> None:
    assert page.open == []
    ids = [it["id"] for _, it in page.seen if "id" in it]
    assert len(ids) == len(set(ids))
    named = {it["aria-labelledby"] for _, it in page.seen if "aria-labelledby" in it}
    assert named <= set(ids)


def test_it_loads_nothing_and_runs_nothing(page: Read) -> None:
    for tag, attributes in page.seen:
        assert tag not in ("script", "link", "iframe", "img", "object", "embed")
        assert not set(LOADS) & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(key.startswith("on") for key in attributes)
    style = plan_page(shown())
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style


def test_text_of_the_fleet_is_never_markup(page: Read) -> None:
    assert 'fleet <"1">.toml' in "".join(page.text)


def test_what_scrolls_is_reached_by_keyboard_and_every_chart_has_words(page: Read) -> None:
    scrolled = [it for _, it in page.seen if it.get("class") == "scroll"]
    assert scrolled
    assert all(it["tabindex"] == "0" and it["aria-label"] for it in scrolled)
    charts = [it for tag, it in page.seen if tag == "svg"]
    assert len(charts) == 3
    assert all(it["role"] == "img" and it["aria-label"] for it in charts)


def test_capacity_is_the_plans(page: Read) -> None:
    table = page.tables["Capacity and demand, million tokens an hour"]
    assert table == [
        ["period", "api", "lease", "own", "demand P10", "P50", "P90"],
        ["2027-Q1", "1,000.0", "0.0", "0.0", "1,000.0", "1,000.0", "1,000.0"],
        ["2027-Q2", "1,000.0", "500.0", "0.0", "1,100.0", "1,100.0", "2,200.0"],
        ["2027-Q3", "1,000.0", "625.0", "400.0", "1,100.0", "1,100.0", "2,200.0"],
    ]


def test_cash_is_the_plans_to_the_cent(page: Read) -> None:
    assert page.tables["Committed cash by period"][1:] == [
        ["2027-Q1", "$1,000,000.00", "$0.00", "$1,000,000.00"],
        ["2027-Q2", "$300,000.00", "$0.00", "$300,000.00"],
        ["2027-Q3", "$50,000.00", "$300,000.00", "$350,000.00"],
        ["later", "$150,000.00", "$300,000.00", "$450,000.00"],
        ["in all", "$1,500,000.00", "$600,000.00", "$2,100,000.00"],
    ]
    assert page.tables["What is in force after today's decisions"][1:] == [
        ["lease", "notice in 2027-Q2", "1", "$900,000.00", "$300,000.00"],
        ["own", "bound", "1", "$1,200,000.00", "$1,200,000.00"],
    ]


def test_survivability_is_of_the_worst_scenario(page: Read) -> None:
    assert page.tables["Survivability"] == [
        ["if it happens", "2027-Q1", "2027-Q2", "2027-Q3"],
        ["alpha gives notice", "0%", "25%", "70%"],
        ["beta gives notice", "100%", "60%", "80%"],
        ["us-west fails", "100%", "50%", "70%"],
        ["m is withdrawn", "0%", "0%", "0%"],
    ]


def test_the_frontier_has_its_gaps(page: Read) -> None:
    assert page.tables["Cost-CVaR frontier"][1:] == [
        ["0%", "$4,400,000.00", "$6,500,000.00", "$60,000.00", "1.00%"],
        ["30%", "$4,500,000.00", "$6,000,000.00", "$50,000.00", "1.00%"],
    ]


def test_decisions_and_dates_are_in_order_with_their_scenarios(page: Read) -> None:
    assert page.tables["By day"][1:] == [
        ["2027-01-01", "sign", "1 x lease", "now, whatever comes"],
        ["2027-01-01", "sign", "1 x own", "now, whatever comes"],
        ["2027-03-31", "decide", "lease: Give notice by 2027-03-31 & be out.", ""],
        ["2027-04-01", "sign", "1 x lease", "boom (25.0%)"],
        ["2027-07-01", "give notice of", "1 x lease", "base (75.0%)"],
    ]


def test_risks_have_their_intervals(page: Read) -> None:
    figures = {row[0]: row[1] for row in page.tables["Figures"]}
    assert figures["exposure tail in 2027-Q1"] == "$1,500,000.00"
    assert figures["months to recover: us-west fails"] == "6"
    assert figures["months to recover: m is withdrawn"] == "beyond"
    assert figures["CVaR at 90%"] == "$6,000,000.00"
    assert figures["unserved tokens of chat"] == "91,000.0 M"
    assert figures["months to port m to rocm"] == "6"
    index = {row[0]: row[1:] for row in page.tables["Herfindahl-Hirschman index of served tokens"]}
    assert index["vendor"][:2] == ["1.00", "0.52"]
    assert index["chip"][1] == "0.52 to 1.00"


def test_the_gap_and_the_bound_are_in_words() -> None:
    assert headline(shown()) == "Sign 1 x lease and 1 x own."
    assert "more than 1.00% better" in lead(shown())
    assert "if alpha gives notice in 2027-Q1, 0% of the interactive demand" in lead(shown())


def test_a_bare_plan_has_a_page_too() -> None:
    bare = replace(PLAN, signed=(), noticed=(), served=(), unserved={}, short={})
    instance = replace(INSTANCE, contingencies=())
    answer = replace(ANSWER, plan=bare, status="interrupted")
    one = replace(
        shown(), instance=instance, answer=answer, overview=overview(instance, answer),
        frontier=(), prices=(), exits=(), dates=(), ports=(), notes=(), digest="",
    )  # fmt: skip
    page = Read(plan_page(one))
    assert page.open == []
    text = "".join(page.text)
    assert "Sign nothing now, and leave nothing." in text
    assert "No contingency is planned for." in text
    assert "stopped before" in text


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.9999, "99.9%"), (1, "100.0%"), (0.00001, "< 0.1%"), (0, "0.0%"), (0.5, "50.0%")],
)
def test_what_is_not_quite_all_or_nothing_is_not_rounded_to_it(share: float, written: str) -> None:
    assert percent(share) == written


def test_amounts_in_a_sentence_are_short() -> None:
    assert [about(it * 10**12) for it in (12, 1_500, -2_000_000, 3 * 10**9)] == [
        "$12", "$1.5k", "-$2.0M", "$3.0bn"
    ]  # fmt: skip


@pytest.mark.parametrize(("low", "high"), [(0, 0.003), (0, 1), (4.2, 5.3), (0, 98765), (3, 3)])
def test_ticks_are_round_and_cover_their_range(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 2 <= len(found) <= 12
