"""`tollway simulate`, `diff` and `size`: what they print, refuse and hand to programs."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tollway.cli import sweep
from tollway.cli.app import run
from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

FLEET = """
version = 1
[models."llama-3.1-8b"]
[sources.own]
kind = "server"
url = "http://own.test:8000/v1"
chip = "h100"
slots = 64
[sources.own.serves."llama-3.1-8b"]
context = 16000
[sources.api]
kind = "api"
url = "https://api.test/v1"
[sources.api.serves."llama-3.1-8b"]
expected_ttft = "400ms"
expected_speed = 80
prices = [{ since = 2020-01-01, input = "0.10", output = "0.30" }]
[routes.chat]
model = "llama-3.1-8b"
candidates = ["own"]
fallbacks = ["api"]
slo = { ttft = "1s", speed = 20 }
[tenants.team]
"""
LOAD = "arrivals:rate=4,input=500,output=50,for=60s"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    (tmp_path / "fleet.toml").write_text(FLEET)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert run(words) == code
    out, err = capsys.readouterr()
    return out, err


def as_json(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    return json.loads(printed(capsys, *words, "--json", code=code)[0])


def test_a_rehearsal_says_what_each_source_did_and_how_the_promise_was_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, err = printed(capsys, "simulate", "fleet.toml", "--trace", LOAD, "--price", "2.5")
    assert "own" in out
    assert "TTFT p50 / p90 / p99" in out
    assert "work, of a full batch" in out
    assert "kept TTFT 1 s and 20 tokens/s: 100.00% of 222" in out
    assert "chip-hours, $" in out
    assert "222 requests in" in err


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("simulate", "fleet.toml", "--trace", LOAD)
    one, same = as_json(capsys, *words), as_json(capsys, *words)
    assert one == same
    other = as_json(capsys, *words, "--seed", "1")
    assert other["total"]["ttft"] != one["total"]["ttft"]


def test_a_lost_source_is_taken_over_and_ten_times_the_users_are_ten_times_the_requests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = as_json(
        capsys,
        *("simulate", "fleet.toml", "--trace", LOAD, "--scale", "10", "--lose", "own@20s..40s"),
        code=1,
    )
    assert found["total"]["requests"] == 2220
    sources = {row["source"]: row["requests"] for row in found["rows"]}
    assert sources["api"] > 400
    assert sources["own"] > 1000
    assert set(found["failures"]) <= {"upstream_cut", "retry_budget"}
    assert found["breakers_opened"]["own:llama-3.1-8b"] >= 1
    assert found["cost_usd"] > "0"


def test_a_drained_source_is_taken_over_without_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("simulate", "fleet.toml", "--trace", LOAD, "--drain")
    found = as_json(capsys, *words, "own@20s..40s")
    assert found["drained"] == ["own@20s..40s"]
    assert found["total"]["requests"] == found["total"]["ok"]
    assert found["breakers_opened"] == {}
    sources = {row["source"]: row["requests"] for row in found["rows"]}
    assert min(sources["api"], sources["own"]) > 20
    found = as_json(capsys, *words, "own")
    assert [row["source"] for row in found["rows"] if row["requests"]] == ["api"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trace", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--trace", "arivals:rate=1"), 'Did you mean "arrivals"?'),
        (("--trace", "arrivals:rate=1,input=10"), "output is missing"),
        (("--trace", "arrivals:rate=x,input=10,output=1"), 'rate is "x", not a number'),
        (("--trace", "arrivals:rate=1,input=10,output=1,inptu=3"), 'Did you mean "input"?'),
        (("--trace", LOAD, "--lose", "ow@1m"), 'Did you mean "own"?'),
        (("--trace", LOAD, "--lose", "own"), "write SOURCE@10m"),
        (("--trace", LOAD, "--lose", "own@5m..1m"), "it ends before it begins"),
        (("--trace", LOAD, "--drain", "ow"), 'Did you mean "own"?'),
        (("--trace", LOAD, "--drain", "own@"), "--drain"),
        (("--trace", LOAD, "--drain", "own@5m..1m"), "it ends before it begins"),
        (("--trace", LOAD, "--scale", "0"), "--scale is 0"),
        (("--trace", LOAD, "--route", "chta"), 'Did you mean "chat"?'),
        (("--trace", LOAD, "--tenant", "tema"), 'Did you mean "team"?'),
        (("--trace", LOAD, "--start", "2h"), "no request from 2h on"),
        (("--trace", "yesterday"), "there is no ledger here"),
    ],
)
def test_what_cannot_be_played_says_place_value_and_mend(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    out, err = printed(capsys, "simulate", "fleet.toml", *words, code=2)
    assert out == ""
    assert said in err


def test_a_malformed_trace_names_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t.csv").write_text("t_ms,input,output\n0,1,1\n5,x,1\n")
    _, err = printed(capsys, "simulate", "fleet.toml", "--trace", "t.csv", code=2)
    assert "t.csv:3 cannot be read" in err


def test_a_source_without_a_speed_is_named_with_what_to_declare(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fleet.toml").write_text(FLEET.replace("expected_speed = 80\n", ""))
    _, err = printed(capsys, "simulate", "fleet.toml", "--trace", LOAD, code=2)
    assert 'sources.api.serves."llama-3.1-8b"' in err
    assert "Declare expected_speed." in err


def test_yesterday_is_what_the_ledger_settled_then(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noon = time.time() // 86_400 * 86_400 - 43_200
    path = folder / "state" / "ledger.sqlite"
    with closing(open_for_gateway(path)) as ledger:
        for n in range(20):
            at = noon + n
            ledger.book([Reserve(f"r{n}", "k1", "team", "chat", "chat", 1, 10, 20, at)])
            usage = Usage(input=300, output=40)
            ledger.book(
                [
                    Settle(
                        f"r{n}",
                        "completed",
                        None,
                        "own",
                        "llama-3.1-8b",
                        "x",
                        "standard",
                        usage,
                        5,
                        1,
                        (),
                        0.1,
                        1.0,
                        at + 1.0,
                    )
                ]
            )
    found = as_json(capsys, "simulate", "fleet.toml", "--trace", "yesterday")
    total = found["total"]
    assert (total["ok"], total["input_tokens"], total["output_tokens"]) == (20, 6000, 800)


def interrupted(*words: str, after: float) -> tuple[int, str, str]:
    """Exit code and outputs of a command that gets SIGINT once it has used so many CPU-seconds,
    which is more than starting takes."""
    once = [sys.executable, "-m", "tollway", "simulate", "fleet.toml", "--trace", LOAD]
    subprocess.run(once, check=True, capture_output=True)  # so that what is compiled once, is
    process = subprocess.Popen(
        [sys.executable, "-m", "tollway", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    ticks = os.sysconf("SC_CLK_TCK")
    while time.monotonic() < deadline:
        used = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        if (int(used[11]) + int(used[12])) / ticks > after:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_ctrl_c_keeps_what_is_done_and_says_so(folder: Path) -> None:
    load = "arrivals:rate=300,input=500,output=200,for=10m"
    words = ("simulate", "fleet.toml", "--json", "--trace", load)
    code, out, err = interrupted(*words, after=3.0)
    assert code == 130
    found = json.loads(out)
    assert found["stopped"]
    assert 0 < found["total"]["ok"] < 180_000
    assert "Stopped: these are the requests that had arrived by then" in err


# --- seeds --------------------------------------------------------------------------------------


def test_several_seeds_are_so_many_runs_and_the_figures_lie_between_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("simulate", "fleet.toml", "--trace", LOAD)
    found = as_json(capsys, *words, "--seed", "3", "--seeds", "4")
    assert found["seeds"] == [3, 4, 5, 6]
    assert found["not_played"] == []
    for one, seed in zip(found["runs"], found["seeds"], strict=True):
        alone = as_json(capsys, *words, "--seed", str(seed))
        assert one["total"] == alone["total"]
    p99 = [run["total"]["ttft"]["p99"] for run in found["runs"]]
    told = found["figures"]["TTFT p99"]
    assert told["values"] == p99
    assert (told["lowest"], told["highest"]) == (min(p99), max(p99))
    assert found["interval_chance"] == pytest.approx(3 / 5)
    out, err = printed(capsys, *words, "--seeds", "4")
    assert out.startswith("4 seeds")
    assert "60% of seeds" in out
    assert "Whether it settles in two ways is not told of fewer than 10 seeds." in err


def test_seeds_that_change_nothing_are_said_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "t.csv").write_text("t_ms,input,output\n0,100,10\n900,100,10\n")
    _, err = printed(capsys, "simulate", "fleet.toml", "--trace", "t.csv", "--seeds", "3")
    assert "Every seed gave the same" in err


def test_ctrl_c_keeps_the_seeds_that_were_played_and_names_the_others(folder: Path) -> None:
    load = "arrivals:rate=40,input=500,output=50,for=10m"
    words = ("simulate", "fleet.toml", "--json", "--trace", load, "--seeds", "500")
    code, out, err = interrupted(*words, after=2.5)
    assert code == 130
    found = json.loads(out)
    count = len(found["seeds"])
    assert 0 < count < 500
    assert found["seeds"] == list(range(count))
    assert found["not_played"] == list(range(count, 500))
    assert f"Stopped: seeds {count} to 499 were not played." in err


def test_how_many_seeds_and_what_goes_with_them_is_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("simulate", "fleet.toml", "--trace", LOAD)
    _, err = printed(capsys, *words, "--seeds", "0", code=2)
    assert "--seeds is 0" in err
    _, err = printed(capsys, *words, "--seeds", "2", "--price", "2", code=2)
    assert "drop them, or --seeds" in err


# --- diff ---------------------------------------------------------------------------------------


def test_a_worse_fleet_passes_a_threshold_and_exits_with_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = FLEET.replace('fallbacks = ["api"]\n', "").replace("slots = 64", "slots = 2")
    (folder / "new.toml").write_text(worse)
    words = ("diff", "fleet.toml", "new.toml", "--on", LOAD)
    out, _ = printed(capsys, *words)
    assert "without own: answered" in out
    assert "PASSED" not in out
    out, _ = printed(capsys, *words, "--max-ttft", "10%", "--min-survival", "90%", code=1)
    assert "PASSED TTFT p50" in out
    assert "PASSED answered without own" in out
    found = as_json(capsys, *words, "--max-ttft", "10%", code=1)
    assert {one["what"] for one in found["passed"]} == {"TTFT p50", "TTFT p90", "TTFT p99"}
    survivals = {one["source"]: one["answered"] for one in found["new_fleet"]["survivals"]}
    assert survivals["own"] < 0.1
    assert survivals["api"] > 0.9


def test_with_several_seeds_a_threshold_is_passed_with_most_of_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new.toml").write_text(FLEET.replace("slots = 64", "slots = 2"))
    words = ("diff", "fleet.toml", "new.toml", "--on", LOAD, "--seeds", "3", "--max-ttft", "10%")
    out, _ = printed(capsys, *words, code=1)
    assert "PASSED TTFT p90 with 3 of 3 seeds" in out
    assert "50% of seeds" in out
    found = as_json(capsys, *words, code=1)
    assert found["passed"]["TTFT p90"] == 3
    change = found["figures"]["TTFT p50"]["change"]
    for seed in range(3):
        one = as_json(capsys, *words[:5], "--seed", str(seed))
        old, new = (one[side]["total"]["ttft"]["p50"] for side in ("old_fleet", "new_fleet"))
        assert change["values"][seed] == pytest.approx(new / old - 1.0)


def test_ctrl_c_compares_what_was_played_and_names_what_was_not(folder: Path) -> None:
    load = "arrivals:rate=40,input=500,output=50,for=30s"
    words = ("diff", "fleet.toml", "fleet.toml", "--json", "--on", load, "--seeds", "300")
    code, out, err = interrupted(*words, after=3.0)
    assert code == 130
    found = json.loads(out)
    assert 0 < len(found["seeds"]) < 300
    assert "Stopped: not played:" in err
    assert found["not_played"][-1] == "fleet.toml without api with seed 299"


def test_a_fleet_is_no_worse_than_itself(capsys: pytest.CaptureFixture[str]) -> None:
    every = ("--max-cost", "0%", "--max-ttft", "0%", "--max-latency", "0%", "--max-unanswered", "0")
    out, _ = printed(capsys, "diff", "fleet.toml", "fleet.toml", "--on", LOAD, *every)
    assert "PASSED" not in out


def test_a_threshold_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("diff", "fleet.toml", "fleet.toml", "--on", LOAD)
    _, err = printed(capsys, *words, "--max-cost", "five", code=2)
    assert '--max-cost is "five". Write a share: 5%, or 0.05.' in err
    _, err = printed(capsys, *words, "--min-survival", "90%", "--no-survival", code=2)
    assert "--min-survival needs every source lost in turn" in err


# --- size ---------------------------------------------------------------------------------------

SIZE = (
    "size",
    "--model",
    "llama-3.1-8b",
    "--trace",
    "arrivals:rate=20,input=500,output=100,for=60s",
)


def test_chips_are_counted_or_priced_and_every_answer_was_played(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (*SIZE, "--chips", "h100,l40s", "--tp", "1", "--ttft", "2s", "--speed", "30")
    found = as_json(capsys, *words, "--price", "h100=2.5", "--price", "l40s=0.9")
    assert found["minimised"] == "usd_an_hour"
    best = found["best"]
    assert best["promise_kept"] >= 0.99
    assert best["usd_an_hour"] <= min(one["usd_an_hour"] for one in found["alone"])
    assert best in found["tried"]
    for one in found["alone"]:
        [part] = one["mix"]
        fewer = [
            tried["promise_kept"]
            for tried in found["tried"]
            if len(tried["mix"]) == 1
            and tried["mix"][0]["kind"] == part["kind"]
            and tried["mix"][0]["replicas"] < part["replicas"]
        ]
        assert all(share < 0.99 for share in fewer)
    out, err = printed(capsys, *words)
    assert "fewest of one kind alone:" in out
    assert "candidates were played" in err
    assert "Chips were counted" in err


def test_the_answer_does_not_depend_on_how_many_cores_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*SIZE, "--chips", "h100,l40s", "--tp", "1", "--ttft", "2s", "--speed", "30")
    monkeypatch.setattr(sweep, "WORTH", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
    alone = printed(capsys, *words, "--json")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2})
    assert printed(capsys, *words, "--json") == alone


def test_small_models_share_a_chip(capsys: pytest.CaptureFixture[str]) -> None:
    light = "arrivals:rate=1,input=300,output=50,for=60s"
    found = as_json(
        capsys,
        *("size", "--chips", "h100", "--ttft", "2s", "--speed", "10"),
        *("--place", f"llama-3.1-8b={light}", "--place", f"qwen3-8b={light}"),
    )
    [placement] = found["placements"]
    assert len(placement["chips"]) == 1
    assert {part["model"] for part in placement["chips"][0]} == {"llama-3.1-8b", "qwen3-8b"}
    assert all(one["promise_kept"] >= 0.99 for one in placement["models"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--chips", "h100"), "nothing is promised"),
        (("--chips", "h10", "--ttft", "1s"), 'Did you mean "h100"?'),
        (("--chips", "h100", "--ttft", "1s", "--share", "2"), "--share is 2"),
        (("--chips", "h100", "--ttft", "1s", "--tp", "two"), '--tp is "two"'),
        (("--chips", "h100", "--ttft", "1s", "--place", "m=azure-code"), "Say --model MODEL and"),
    ],
)
def test_what_cannot_be_sized_says_why(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    _, err = printed(capsys, *SIZE, *words, code=2)
    assert said in err


def test_a_model_that_fits_on_none_of_the_chips_is_refused_with_the_arithmetic(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("size", "--model", "llama-3.3-70b", "--trace", LOAD, "--chips", "l4", "--tp", "1")
    _, err = printed(capsys, *words, "--ttft", "1s", code=2)
    assert "l4: llama-3.3-70b in bf16 does not fit on 1 x l4" in err
