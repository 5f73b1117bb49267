"""`tollway threatmodel` and `tollway bom` on files as people have them."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pins_fleet import LOCK, TEXT

from tollway.cli.app import run
from tollway.pins.lock import lock_text

BARE = """
version = 1
[tenants.office]
budget = { day = "5" }
[models.m]
[sources.one]
kind = "api"
vendor = "One"
url = "https://one.example/v1"
serves.m = {}
[sources.two]
kind = "api"
vendor = "Two"
url = "https://two.example/v1"
serves.m = {}
[routes.r]
model = "m"
[guard]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "fleet.toml").write_text(TEXT)
    (tmp_path / "ai.lock").write_text(lock_text(LOCK))
    return tmp_path


def test_a_small_fleet_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bare.toml").write_text(BARE)
    (here / "ai.lock").unlink()
    assert run(["threatmodel", "bare.toml"]) == 1
    told = capsys.readouterr()
    assert told.err == "There is no ai.lock: what the fleet is made of is not judged.\n"
    assert told.out == snapshot("""\
126 of 190 threats apply. 5 open, 12 not judged, 0 accepted, 2 answered.

Open
  model-api one/m, model-api two/m: There is no lock: nothing says which model this was.
    LLM03 AML.T0010.003 AML.T0109
    -> Run: tollway lock
  route r: Losing any one of these leaves nothing that serves it: model m, model family m.
    ASI08
    -> Write routes.r.fallbacks with a source that shares none of them.
  route m: Losing any one of these leaves nothing that serves it: model m, model family m.
    ASI08
    -> Write routes.m.fallbacks with a source that shares none of them.
  model-api one/m: No baseline of its behaviour is in the lock.
    AML.T0031 AML.T0042
    -> Run: tollway drift baseline one/m
  model-api two/m: No baseline of its behaviour is in the lock.
    AML.T0031 AML.T0042
    -> Run: tollway drift baseline two/m

Not judged
  route r, route m: Nothing here sees whether a model obeys a text that it was only to read.
    What an obeyed text may do is judged at the tool servers, the sandbox and the egress rules.
    LLM01 AML.T0051 AML.T0051.000 AML.T0054
  route r, route m: What a client does with an answer (shows it, runs it) is not seen here.
    LLM05 AML.T0077
  fleet: There is no lock: what it is made of is not known.
    LLM07 ASI01 ASI04 AML.T0010.001 AML.T0010.004 AML.T0010.005 AML.T0011.000 AML.T0011.001
    AML.T0018.000 AML.T0018.002 AML.T0056 AML.T0058 AML.T0060 AML.T0069.002 AML.T0076 AML.T0111
    AML.T0112.001
    -> Run: tollway lock
  fleet: A fleet file declares no retrieval store, so none is judged; your application may have
    one.
    LLM08 AML.T0064 AML.T0066 AML.T0070 AML.T0071 AML.T0082 AML.T0085.000
  route r, route m: Nothing here checks whether an answer is true.
    LLM09
  sandbox of tasks: Neither [sandbox] nor [egress] is written: whether agents run elsewhere is
    not seen here.
    LLM10 ASI05 ASI10 AML.T0034.002 AML.T0050 AML.T0072 AML.T0105 AML.T0112 AML.T0112.000
  sandbox of tasks: A sandbox keeps nothing between runs; memory that an agent keeps elsewhere,
    and what is mounted for it, is not seen here.
    ASI06 AML.T0080 AML.T0080.000 AML.T0081
  fleet: It works on people; nobody here sees what they believe or click.
    ASI09 AML.T0011.003 AML.T0048 AML.T0048.000 AML.T0048.001 AML.T0048.002 AML.T0048.003
    AML.T0048.004 AML.T0052 AML.T0052.000 AML.T0052.001 AML.T0073 AML.T0088
  fleet: It is worked on a model's numbers by many queries; only bounds on use are seen here.
    AML.T0005 AML.T0005.000 AML.T0005.001 AML.T0005.002 AML.T0015 AML.T0024 AML.T0024.000
    AML.T0024.001 AML.T0024.002 AML.T0040 AML.T0041 AML.T0043 AML.T0043.000 AML.T0043.001
    AML.T0043.002 AML.T0043.003 AML.T0044 AML.T0046 AML.T0047
  fleet: It happens on machines outside sandboxes, which nobody here watches.
    AML.T0007 AML.T0010.000 AML.T0035 AML.T0036 AML.T0037 AML.T0049 AML.T0074 AML.T0075
    AML.T0078 AML.T0084 AML.T0084.000 AML.T0084.001 AML.T0084.002 AML.T0084.003 AML.T0089
    AML.T0090 AML.T0097 AML.T0106 AML.T0107
  fleet: It is done inside a model or by its words; nobody here tests the model for it.
    AML.T0013 AML.T0014 AML.T0018.001 AML.T0061 AML.T0062 AML.T0063 AML.T0067 AML.T0067.000
    AML.T0068 AML.T0069.000 AML.T0069.001 AML.T0094 AML.T0100 AML.T0102
  fleet: What agents keep, and what they say to each other, is not seen here.
    AML.T0092 AML.T0096 AML.T0103 AML.T0108

Single points of failure
  model m: nothing is left for route m, route r
  model family m: nothing is left for route m, route r

Vendors by candidates: One 50%, Two 50%; HHI 0.50

Frameworks: OWASP Top 10 for LLM Applications 2025 (CC-BY-SA-4.0, read 2026-11-23), OWASP Top 10
for Agentic Applications 2026 (CC-BY-SA-4.0, read 2026-11-23), MITRE ATLAS 5.6.0 (Apache-2.0,
read 2026-11-23).
Made from bare.toml 9286caf4ebf6b5a1, no lock.
""")


def test_json_has_every_judgement_and_what_it_was_made_from(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["threatmodel", "--json", "--on", "2026-11-23"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["made"] == "2026-11-23"
    assert told["exit_code"] == 1
    assert [it["version"] for it in told["frameworks"]] == ["2025", "2026", "5.6.0"]
    assert len({it["threat"] for it in told["judged"]}) == 190
    assert {it["status"] for it in told["judged"]} == {
        "open", "not judged", "answered", "does not apply",
    }  # fmt: skip
    assert told["vendors"]["of"] == "candidates"


def test_the_page_is_written_and_is_the_same_each_time(here: Path) -> None:
    assert run(["threatmodel", "--html", "a.html", "--on", "2026-11-23"]) == 1
    assert run(["threatmodel", "--html", "b.html", "--on", "2026-11-23"]) == 1
    assert (here / "a.html").read_bytes() == (here / "b.html").read_bytes()


def test_acceptances_without_words_or_of_no_threat_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["threatmodel", "--accept", "LLM09"]) == 2
    assert run(["threatmodel", "--accept", "LLM99=we know"]) == 2
    assert 'Did you mean "LLM09"?' in capsys.readouterr().err


def test_the_bill_is_the_same_each_time_and_bears_the_moment_it_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["bom", "--out", "a.json"]) == 0
    assert run(["bom"]) == 0
    assert (here / "a.json").read_text() == capsys.readouterr().out
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795435200")
    assert run(["bom"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metadata"]["timestamp"] == "2026-11-23T12:00:00+00:00"
    assert told["serialNumber"] == json.loads((here / "a.json").read_text())["serialNumber"]
    assert run(["bom", "--time", "noon"]) == 2
    assert "--time is 'noon', not a moment" in capsys.readouterr().err
