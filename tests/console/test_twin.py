"""The Twin page says what `tollway predict --json` and `tollway twin --json` say, within limits."""

import json
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ledger_records import reserve, settle
from own_fleet import FLEET, MODEL, scored, signed_in

from tollway.cli.app import run
from tollway.console import house
from tollway.console.hands import Hands
from tollway.console.twin import lately as shown_lately
from tollway.console.twin.grids import USERS
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway
from tollway.units import Seconds

TWO = {
    "model": MODEL,
    "in": "1000",
    "out": "200",
    "prefix": "0",
    "chip1": "h200",
    "tp1": "2",
    "precision1": "fp8",
    "price1": "2.5",
    "chip2": "mi300x",
    "price2": "neocloud",
}


def predicted(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["predict", "--model", MODEL, "--in", "1000", "--out", "200", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)["answers"]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))


# --- the same as the command line ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"at": "64"}, ("--concurrency", "64")),
        ({"by": "rate", "at": "0.5"}, ("--rate", "0.5")),
        ({"at": "64", "prefix": "0.4"}, ("--concurrency", "64", "--prefix-share", "0.4")),
    ],
    ids=["users", "rate", "prefix"],
)
async def test_what_is_answered_is_what_predict_says(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    query: dict[str, str],
    words: tuple[str, ...],
) -> None:
    async with signed_in(tmp_path) as (_, get):
        said = (await get("/twin/answers.json", **{**TWO, **query})).json()
    first = ("--chip", "h200", "--tp", "2", "--precision", "fp8", "--price", "2.5")
    second = ("--chip", "mi300x", "--price", "neocloud")
    assert said["answers"] == [
        *predicted(capsys, *first, *words),
        *predicted(capsys, *second, *words),
    ]


async def test_every_load_of_a_grid_is_what_predict_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with signed_in(tmp_path) as (_, get):
        said = (await get("/twin/grid.json", **TWO, at="77")).json()
    assert 77.0 in said["loads"]
    assert {float(one) for one in USERS if one <= 256} <= set(said["loads"])
    users = ",".join(f"{load:.0f}" for load in said["loads"])
    first = ("--chip", "h200", "--tp", "2", "--precision", "fp8", "--price", "2.5")
    for mine, its in zip(
        said["set_ups"][0]["answers"],
        predicted(capsys, *first, "--sweep", f"concurrency={users}"),
        strict=True,
    ):
        assert {name: its[name] for name in mine if name != "over"} == {
            name: value for name, value in mine.items() if name != "over"
        }


async def test_a_grid_of_rates_goes_one_load_beyond_what_can_be_served(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (_, get):
        said = (await get("/twin/grid.json", **TWO, grid="rate")).json()
    assert said["loads"] == sorted(set(said["loads"]))
    slow = min(said["set_ups"], key=lambda one: sum(it is not None for it in one["answers"]))
    had = [one for one in slow["answers"] if one is not None]
    assert 0 < len(had) < len(said["loads"]), "one of these chips serves less than the other"
    assert not any(one["over"] for one in had[:-2])
    assert had[-1]["over"]


async def test_scores_are_what_twin_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with signed_in(tmp_path) as (site, get):
        scored(site, days=3, observed=9.0)
        said = (await get("/twin/scores.json")).json()
        page = (await get("/twin")).text
        code = run(["twin", str(site.fleet_file), "--state", str(site.state), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1, "what is nine times slower is stale"
    assert said == {name: told[name] for name in ("format", "days", "scores", "stale")}
    assert len(said["scores"]) == 3
    assert said["stale"][0]["mend"] in page.replace("&#39;", "'")


async def test_a_stale_speed_is_not_called_measured(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (site, get):
        scored(site, days=3, observed=9.0)
        said = (await get("/twin/answers.json", **{**TWO, "precision1": ""})).json()
    assert said["answers"][0]["provenance"] == "stale"


# --- what is taken where nothing is said ---------------------------------------------------------


async def test_the_workload_is_the_ledgers_and_says_of_how_many_requests(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (site, get):
        now = time.time()
        with closing(open_for_gateway(site.state / "ledger.sqlite")) as ledger:
            for n in range(11):
                at, name = now - 110 + 10 * n, f"r{n}"
                use = Usage(input=500 + n, cached_input=100, output=50)
                ledger.book([reserve(name, utc=at)])
                ledger.book(
                    [settle(name, model=MODEL, usage=use, utc=at + 5, duration=5.0, ttft=0.2)]
                )
        page = (await get("/twin")).text
    assert "last 11 whole answers" in page
    assert 'name="in" value="505"' in page
    assert 'name="out" value="50"' in page
    assert 'name="prefix" value="0.2"' in page


async def test_without_a_ledger_it_says_which_workload_it_takes(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (_, get):
        found = await get("/twin")
    assert found.status_code == 200
    assert "There is no ledger yet" in found.text
    assert "what <code>tollway predict</code> takes" in found.text
    assert "No day from" in found.text
    assert 'name="chip1" value="h200"' in found.text
    assert 'name="ttft" value="0.9"' in found.text


async def test_chips_without_a_model_are_asked_about_the_fleets(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (_, get):
        said = (await get("/twin/answers.json", chip1="b200", tp1="2")).json()
    assert [(one["model"], one["chip"]) for one in said["answers"]] == [(MODEL, "b200")]


async def test_a_ledger_that_is_none_leaves_the_page_as_it_is_and_is_told(tmp_path: Path) -> None:
    async with signed_in(tmp_path) as (site, get):
        (site.state / "ledger.sqlite").write_bytes(b"no ledger at all" * 100)
        found = await get("/twin", **TWO)
    assert found.status_code == 200
    assert "The ledger was not read" in found.text
    assert "The scores cannot be read" in found.text
    assert found.text.count('data-figure="ttft_s"') == 2


async def test_a_fleet_without_chips_is_shown_chips_of_the_catalogue(tmp_path: Path) -> None:
    fleet = FLEET.replace('chip = "h200"\ntp = 2\n', "")
    async with signed_in(tmp_path, fleet) as (_, get):
        page = (await get("/twin")).text
    assert "these can hold it" in page
    assert 'data-set-up="2"' in page


async def test_a_missing_extra_is_named_with_its_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signed_in(tmp_path) as (_, get):
        assert "tollway[twin]" not in (await get("/twin")).text
        monkeypatch.setattr(shown_lately, "find_spec", lambda _: None)
        assert "pip install &#39;tollway[twin]&#39;" in (await get("/twin")).text


# --- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("model", "lama-3.1-70b", "Did you mean"),
        ("chip1", "h2000", "Did you mean"),
        ("tp1", "two", "Write a whole number"),
        ("tp1", "0", "Write a whole number"),
        ("in", "-5", "Write a whole number"),
        ("at", "99999", "tollway predict --concurrency"),
        ("price1", "cheap", "Write USD an hour"),
        ("prefix", "1.5", "Write a share"),
        ("ttft", "soon", "Write seconds"),
        ("precision1", "fp3", "Known: bf16"),
        ("engine1", "vlm", "Did you mean"),
        ("at", "²", "Write a whole number"),
    ],
)
async def test_bad_input_is_told_at_its_field_and_stays_as_it_was_typed(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    async with signed_in(tmp_path) as (_, get):
        found = await get("/twin", **{**TWO, "at": "8", name: value})
        data = await get("/twin/grid.json", **{**TWO, "at": "8", name: value})
    assert found.status_code == 400
    beside = re.search(rf'id="{name}-wrong">(.*?)</p>', found.text)
    assert beside is not None
    assert words in re.sub("</?code>", "", beside[1])
    assert value in found.text
    assert 'name="out" value="200"' in found.text
    assert list(data.json()["faults"]) == [name]


async def test_a_refusal_is_in_words_with_the_mend_and_the_others_are_shown(
    tmp_path: Path,
) -> None:
    async with signed_in(tmp_path) as (_, get):
        page = (await get("/twin", **{**TWO, "chip3": "rtx-4090"})).text
        said = (await get("/twin/grid.json", **{**TWO, "chip3": "rtx-4090"})).json()
    assert "does not fit on 1 x rtx-4090" in page
    assert page.count('data-figure="ttft_s"') == 2
    assert "Use tp" in said["set_ups"][2]["refused"]


async def test_a_page_that_is_cut_off_shows_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "Hands", lambda: Hands(limit=Seconds(0.01)))
    async with signed_in(tmp_path) as (_, get):
        found = await get("/twin", **TWO)
    assert found.status_code == 200
    assert "Refused: this takes longer than 0.01 s. Ask for fewer users" in found.text
