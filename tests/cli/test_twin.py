"""`tollway twin`, and what other commands then call measured."""

import json
import re
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tollway.cli.app import run
from tollway.cli.rehearsing import Going
from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

DAY = 86_400
TODAY = int(time.time()) // DAY
MODEL = "llama-3.1-70b"
FLEET = """
version = 1
[models."llama-3.1-70b"]
[sources.own]
kind = "server"
url = "http://own.test:8000/v1"
chip = "h200"
tp = 2
slots = 64
[sources.own.serves."llama-3.1-70b"]
context = 16000
[sources.api]
kind = "api"
url = "https://api.test/v1"
[sources.api.serves."llama-3.1-70b"]
expected_ttft = "400ms"
expected_speed = 80
[routes.chat]
model = "llama-3.1-70b"
candidates = ["own"]
fallbacks = ["api"]
[tenants.team]
"""
EMULATED = 'kind = "emulated"\nlisten = "127.0.0.1:18591"'
PREDICT = ("predict", "--model", MODEL, "--chip", "h200", "--tp", "2")
LOAD = "arrivals:rate=1,input=500,output=50,for=30s"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    (tmp_path / "fleet.toml").write_text(FLEET)
    return tmp_path


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    def printed(*words: str, code: int = 0) -> tuple[str, str]:
        assert run(words) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return out, err

    return printed


@pytest.fixture
def said(printed: Callable[..., tuple[str, str]]) -> Callable[..., dict[str, Any]]:
    return lambda *words, code=0: json.loads(printed(*words, "--json", code=code)[0])


def iso(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def book(
    folder: Path,
    day: int,
    ttft: float,
    tpot: float,
    *,
    count: int = 120,
    source: str = "own",
    output: int = 101,
) -> None:
    """A day of `count` requests, one each 20 s from noon on."""
    duration = ttft + tpot * (output - 1)
    items: list[Reserve | Settle] = []
    for n in range(count):
        name, at = f"{source}-{day}-{n}", day * DAY + 43_200 + 20.0 * n
        items += [
            Reserve(name, "k1", "team", "chat", "chat", 1, 10, 20, at),
            Settle(
                request=name,
                outcome="completed",
                code=None,
                source=source,
                model=MODEL,
                upstream_model="x",
                tier="standard",
                usage=Usage(input=500, output=output),
                cost=5,
                attempts=1,
                failed=(),
                ttft=ttft,
                duration=duration,
                utc=at + duration,
            ),
        ]
    with closing(open_for_gateway(folder / "state" / "ledger.sqlite")) as ledger:
        assert ledger.book(items) == {}


@pytest.fixture
def right(folder: Path, said: Callable[..., dict[str, Any]]) -> tuple[float, float]:
    """The TTFT and TPOT that the engine model predicts of these days, in seconds."""
    book(folder, TODAY - 20, 0.1, 0.02)
    [one] = said("twin", "--day", iso(TODAY - 20))["scores"]
    figures = one["figures"]
    return figures["ttft_p50"]["predicted_s"], figures["tpot_p50"]["predicted_s"]


def three_days(folder: Path, right: tuple[float, float], *factors: float) -> None:
    for back, factor in zip((3, 2, 1), factors, strict=True):
        book(folder, TODAY - back, right[0] * factor, right[1] * factor)


def test_each_day_of_a_source_is_held_against_its_prediction(
    folder: Path, right: tuple[float, float], said: Callable[..., dict[str, Any]]
) -> None:
    three_days(folder, right, 1.0, 1.1, 1.0)
    found = said("twin", "--days", "3")
    assert found["days"] == [iso(TODAY - 3), iso(TODAY - 2), iso(TODAY - 1)]
    scores = found["scores"]
    assert [one["day"] for one in scores] == found["days"]
    for one, factor in zip(scores, (1.0, 1.1, 1.0), strict=True):
        assert one["requests"] == 120
        assert one["provenance"] in ("measured", "interpolated")
        for name in ("ttft_p50", "ttft_p90", "tpot_p50", "tpot_p90"):
            figure = one["figures"][name]
            assert figure["error"] == pytest.approx(1 / factor - 1, abs=2e-3)
            assert figure["held"]
    assert found["stale"] == []


def test_a_source_outside_its_interval_is_stale_with_the_command_that_mends_it(
    folder: Path,
    right: tuple[float, float],
    printed: Callable[..., tuple[str, str]],
    said: Callable[..., dict[str, Any]],
) -> None:
    three_days(folder, right, 1.0, 2.5, 2.5)
    out, err = printed("twin", code=1)
    assert f"STALE own:{MODEL}: TTFT x2.50 of what was predicted and TPOT x2.50" in out
    assert f"on {iso(TODAY - 2)} and {iso(TODAY - 1)}" in out
    assert "OUTSIDE, slower" in out
    line = (
        f"tollway calibrate {folder}/state/ledger.sqlite --source own --model {MODEL} "
        f"--chip h200 --tp 2 --context 16000 --since {iso(TODAY - 2)} --output own.calibrated.toml"
    )
    assert line in out
    assert "no command calls these speeds measured" in err
    [stale] = said("twin", code=1)["stale"]
    assert stale["mend"] == line
    assert stale["observed_over_predicted"] == pytest.approx({"ttft": 2.5, "tpot": 2.5}, rel=1e-3)


def test_the_mend_works_and_is_judged_by_the_days_that_follow(
    folder: Path, right: tuple[float, float], printed: Callable[..., tuple[str, str]]
) -> None:
    three_days(folder, right, 2.5, 2.5, 2.5)
    out, _ = printed("twin", code=1)
    found = re.search(r"tollway (calibrate .*)", out)
    assert found is not None
    printed(*found[1].split())
    words = ("--calibrated", "own.calibrated.toml")
    out, err = printed("twin", *words)
    assert "measured here" in out
    assert "fitted on it" in out
    assert "the days after it will tell" in err
    # What the packaged constants said of those days is kept, and still not to be trusted.
    assert "stale" in printed(*PREDICT)[0]
    assert "measured here" in printed(*PREDICT, *words)[0]
    assert "measured here" in printed("simulate", "--trace", LOAD, *words)[0]


def test_one_day_outside_is_no_alarm(
    folder: Path, right: tuple[float, float], printed: Callable[..., tuple[str, str]]
) -> None:
    three_days(folder, right, 1.0, 3.0, 1.0)
    out, _ = printed("twin")
    assert "OUTSIDE, slower" in out
    assert "STALE" not in out


def test_a_day_is_predicted_once_and_kept_as_it_was_predicted(
    folder: Path, right: tuple[float, float], said: Callable[..., dict[str, Any]]
) -> None:
    three_days(folder, right, 1.0, 1.0, 1.0)
    first = said("twin", "--days", "3")
    book(folder, TODAY - 1, 9.0, 0.9, source="own", count=121)  # they would move it
    assert said("twin", "--days", "3")["scores"] == first["scores"]


def test_another_deployment_is_predicted_beside_what_was_kept(
    folder: Path, right: tuple[float, float], said: Callable[..., dict[str, Any]]
) -> None:
    three_days(folder, right, 2.5, 2.5, 2.5)
    assert said("twin", "--days", "3", code=1)["stale"]
    (folder / "fleet.toml").write_text(FLEET.replace("tp = 2", "tp = 8"))
    found = said("twin", "--days", "3", code=1)
    assert len(found["scores"]) == 6
    assert len({one["deployment"] for one in found["scores"]}) == 2


def test_what_cannot_be_scored_is_listed_with_its_reason(
    folder: Path, printed: Callable[..., tuple[str, str]], said: Callable[..., dict[str, Any]]
) -> None:
    book(folder, TODAY - 1, 0.1, 0.02, count=30)
    book(folder, TODAY - 1, 0.1, 0.02, source="gone")
    out, err = printed("twin", "--days", "2")
    assert "not scored:" in out
    assert f"own:{MODEL}: had 30 streamed requests with stated tokens of 30" in out
    assert f"own:{MODEL}: had no requests ({iso(TODAY - 2)})" in out
    assert f"api:{MODEL}: says on no chips it runs" in out
    assert f"gone:{MODEL}: is not in the fleet file" in out
    assert "No day was scored." in err
    whys = {(one["source"], one["why"][:9]) for one in said("twin", "--days", "2")["unscored"]}
    assert {source for source, _ in whys} == {"own", "api", "gone"}


def test_a_stale_speed_is_not_called_measured_by_any_command(
    folder: Path,
    right: tuple[float, float],
    printed: Callable[..., tuple[str, str]],
    said: Callable[..., dict[str, Any]],
) -> None:
    simulate = ("simulate", "--trace", LOAD)
    diff = ("diff", "fleet.toml", "fleet.toml", "--on", LOAD, "--no-survival")
    size = ("size", "--model", MODEL, "--trace", LOAD, "--chips", "h200", "--tp", "2")
    size = (*size, "--ttft", "5s")
    fresh = said(*PREDICT)["answers"][0]
    assert fresh["provenance"] == "measured"
    assert "measured" in printed(*simulate)[0]
    assert said(*size)["best"]["mix"][0]["pace"] == "measured"

    three_days(folder, right, 2.5, 2.5, 2.5)
    printed("twin", code=1)
    out, err = printed(*PREDICT)
    assert "Provenance: stale" in out
    assert f"{MODEL} on h200 is stale: on " in err
    answer = said(*PREDICT)["answers"][0]
    assert answer["tpot_s"]["value"] == fresh["tpot_s"]["value"]
    # The interval reaches to what was seen.
    assert answer["tpot_s"]["high"] == pytest.approx(2.5 * fresh["tpot_s"]["value"], rel=1e-3)
    assert answer["tpot_s"]["provenance"] == "stale"
    for words in (simulate, diff, size):
        _, err = printed(*words)
        assert f"{MODEL} on h200 is stale" in err, words
    [own] = [it for it in said(*simulate)["sources"] if it["source"] == "own"]
    assert own["pace"]["origin"] == "stale"
    assert said(*size)["best"]["mix"][0]["pace"] == "stale"
    # Of another chip nothing is known.
    assert said(*PREDICT[:-3], "h100", "--tp", "4")["answers"][0]["provenance"] != "stale"


def test_two_good_days_end_it(
    folder: Path, right: tuple[float, float], printed: Callable[..., tuple[str, str]]
) -> None:
    book(folder, TODAY - 5, *(2.5 * it for it in right))
    book(folder, TODAY - 4, *(2.5 * it for it in right))
    printed("twin", code=1)
    three_days(folder, right, 1.0, 1.0, 1.0)
    assert "STALE" not in printed("twin")[0]
    assert "Provenance: measured:" in printed(*PREDICT)[0]


def test_a_ledger_that_cannot_be_read_stops_no_prediction(
    folder: Path, printed: Callable[..., tuple[str, str]]
) -> None:
    (folder / "state").mkdir(mode=0o700)
    (folder / "state" / "ledger.sqlite").write_text("not a ledger, but long enough to be looked at")
    out, err = printed(*PREDICT)
    assert "Provenance: measured:" in out
    assert "warning: whether a speed is stale is not known:" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--day", iso(TODAY)), "which is not over (UTC). Name yesterday"),
        (("--day", "soon"), '--day is "soon", not a day. Write a UTC day'),
        (("--days", "0"), "--days is 0. Write 1 to 3650."),
        (("--calibrated", "nowhere.toml"), "nowhere.toml: no such file"),
        ((), "there is no ledger here"),
    ],
)
def test_what_makes_no_sense_says_place_value_and_mend(
    printed: Callable[..., tuple[str, str]], words: tuple[str, ...], text: str
) -> None:
    out, err = printed("twin", *words, code=2)
    assert out == ""
    assert text in err


def test_two_calibrations_of_one_deployment_are_refused(
    folder: Path, right: tuple[float, float], printed: Callable[..., tuple[str, str]]
) -> None:
    three_days(folder, right, 1.0, 1.0, 1.0)
    words = ("calibrate", "state/ledger.sqlite", "--model", MODEL, "--chip", "h200", "--tp", "2")
    for name in ("a.toml", "b.toml"):
        printed(*words, "--output", name)
    _, err = printed("twin", "--calibrated", "a.toml", "--calibrated", "b.toml", code=2)
    assert f"a.toml and b.toml are both of {MODEL} on h200 under vllm. Hand in one" in err


def test_an_emulated_source_alarms_and_disproves_nothing_of_its_chip(
    folder: Path,
    right: tuple[float, float],
    printed: Callable[..., tuple[str, str]],
    said: Callable[..., dict[str, Any]],
) -> None:
    emulated = FLEET.replace('kind = "server"\nurl = "http://own.test:8000/v1"', EMULATED)
    (folder / "fleet.toml").write_text(emulated)
    three_days(folder, right, 3.0, 3.0, 3.0)
    found = said("twin", "--days", "3", code=1)
    assert all(one["emulated"] for one in found["scores"])
    assert [one["mend"] for one in found["stale"]] == [None]
    assert "its engine isn't there: nothing to calibrate" in printed("twin", code=1)[0]
    assert "Provenance: measured:" in printed(*PREDICT)[0]


def test_a_calibration_takes_a_ledger_from_a_day_on(
    folder: Path, right: tuple[float, float], said: Callable[..., dict[str, Any]]
) -> None:
    three_days(folder, right, 1.0, 1.0, 2.5)
    words = ("calibrate", "state/ledger.sqlite", "--model", MODEL, "--chip", "h200", "--tp", "2")
    every = said(*words, "--output", "a.toml")["results"]
    late = said(*words, "--since", iso(TODAY - 1), "--output", "b.toml")["results"]
    assert min(one["tpot_s"]["measured"] for one in every) < 1.5 * right[1]
    assert all(one["tpot_s"]["measured"] > 2.0 * right[1] for one in late)


def test_ctrl_c_keeps_the_days_that_are_scored(
    folder: Path,
    right: tuple[float, float],
    said: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book(folder, TODAY - 2, *right)
    book(folder, TODAY - 1, *right, count=1200)  # long enough to be asked whether to go on

    def interrupted(self: Going, done: int) -> bool:
        self.stop(2, None)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(Going, "__call__", interrupted)
        found = said("twin", "--days", "2", code=130)
    assert [one["day"] for one in found["scores"]] == [iso(TODAY - 2)]
    assert len(said("twin", "--days", "2")["scores"]) == 2


def test_every_key_of_the_json_is_documented(
    folder: Path, right: tuple[float, float], said: Callable[..., dict[str, Any]]
) -> None:
    three_days(folder, right, 2.5, 2.5, 2.5)
    page = Path(__file__).parents[2] / "docs" / "reference" / "twin-json.md"
    documented = set(re.findall(r"^\| `([^`]+)`", page.read_text(), re.MULTILINE))
    assert set(_keys(said("twin", code=1), "")) <= documented


def _keys(value: Any, place: str) -> list[str]:
    """Every key with its place; names of figures are data, and so are those of ratios."""
    if isinstance(value, list):
        return [key for item in value for key in _keys(item, f"{place}[]")]
    if not isinstance(value, dict) or place.endswith("observed_over_predicted"):
        return []
    found: list[str] = []
    for key, inner in value.items():
        here = f"{place}.*" if place.endswith("figures") else f"{place}.{key}".lstrip(".")
        found += [here, *_keys(inner, here)]
    return found
