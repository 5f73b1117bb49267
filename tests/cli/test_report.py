"""`tollway report`: one file that loads nothing, with the figures of the command it names."""

import json
import re
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ledger_records import DAY, NOON, failed, reserve, settle

from tollway.cli.app import run
from tollway.inspect.demo import demo_fleet_text
from tollway.ledger.sqlite import open_for_gateway

TRAFFIC = "arrivals:rate=5,input=400,output=50"


class Loads(HTMLParser):
    """Collects whatever would make a browser load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        for name, value in attrs:
            inside = name == "href" and (value or "").startswith("#")
            if name.startswith("on") or (name in ("src", "href", "style") and not inside):
                self.found.append(f"{tag} {name}={value}")


def loaded(page: str) -> list[str]:
    reader = Loads()
    reader.feed(page)
    return reader.found + re.findall(r"url\(|@import|https?://", page)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with closing(open_for_gateway(path)) as opened:
        for at in range(5):
            opened.book(
                [
                    reserve(f"r{at}", tenant="<b>team</b>"),
                    settle(f"r{at}", utc=NOON + at * DAY, cost=10**12 + 7_001, failed=(failed(),)),
                ]
            )
    return path


def test_a_period_of_the_ledger_has_its_sums_to_the_last_digit_and_loads_nothing(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html = tmp_path / "period.html"
    asked = ["--since", "2027-01-15", "--until", "2027-01-18", "--ledger", str(ledger)]
    assert run(["report", *asked, "--html", str(html)]) == 0
    assert str(html) in capsys.readouterr().err
    page = html.read_text()
    assert loaded(page) == []
    assert "$3.000000021003" in page
    assert "&lt;b&gt;team&lt;/b&gt;" in page
    assert "<b>" not in page
    assert run(["usage", *asked, "--json"]) == 0
    total = json.loads(capsys.readouterr().out)["total"]["cost_usd"]
    assert f"${total}" in page
    assert "tollway usage --since 2027-01-15T00:00:00Z --until 2027-01-18T00:00:00Z" in page
    # A failed attempt's money stands at its own source, and the sources add up.
    assert "openai" in page


def test_the_finder_of_what_is_loaded_finds_it() -> None:
    page = '<script src="x"></script><p style="a:url(b)" onclick="c"><img src="http://h/">'
    assert len(loaded(page)) >= 6


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleets")
    (folder / "fleet.toml").write_text(demo_fleet_text())
    return folder


KINDS = {
    "simulation": ["simulate", "{}", "--trace", TRAFFIC, "--interval"],
    "simulations": ["simulate", "{}", "--trace", TRAFFIC, "--seeds", "2"],
    "diff": ["diff", "{}", "{}", "--on", TRAFFIC],
    "diffs": ["diff", "{}", "{}", "--on", TRAFFIC, "--seeds", "2", "--no-survival"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_rehearsals_write_becomes_a_page(
    kind: str, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [it.format(written / "fleet.toml") for it in KINDS[kind]]
    assert run([*words, "--duration", "10s", "--state", str(tmp_path), "--json"]) == 0
    file, html = tmp_path / "told.json", tmp_path / "told.html"
    told = capsys.readouterr().out
    file.write_text(told)
    assert run(["report", str(file), "--html", str(html)]) == 0
    page = html.read_text()
    assert loaded(page) == []
    assert TRAFFIC in page
    assert "All of it is predicted" in page
    if kind == "simulation":
        facts = json.loads(told)
        assert f"{facts['total']['requests']:,}" in page
        assert f"80%: {1000 * facts['interval']['fast']['ttft']['p50']:,.0f} ms to" in page
        assert "80% interval" in page
        for use in facts["sources"]:
            assert use["pace"]["origin"] in page


def test_a_fleet_file_and_a_trace_are_rehearsed_for_it(written: Path, tmp_path: Path) -> None:
    html = tmp_path / "now.html"
    traffic = "arrivals:rate=5,input=400,output=50,for=5s"
    fleet = str(written / "fleet.toml")
    code = run(["report", fleet, "--trace", traffic, "--state", str(tmp_path), "--html", str(html)])
    assert code == 0
    assert "Promise kept" in html.read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not what it seems to be"),
        ("[1]", "is neither a simulation nor a diff"),
        ('{"trace": "x"}', "is not what it seems to be"),
        ('{"on": "x", "figures": 3}', "is not what it seems to be"),
    ],
    ids=["cut", "a list", "half a simulation", "half a diff"],
)
def test_what_is_no_rehearsal_is_refused_with_its_place(
    text: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "told.json"
    file.write_text(text)
    assert run(["report", str(file), "--html", str(tmp_path / "x.html")]) == 2
    said = capsys.readouterr().err
    assert str(file) in said
    assert problem in said
    assert not (tmp_path / "x.html").exists()


def test_options_of_the_ledger_beside_a_rehearsal_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "some.json", "--since", "7d", "--html", str(tmp_path / "x.html")]) == 2
    assert "--since is of the ledger, and a rehearsal is given" in capsys.readouterr().err
