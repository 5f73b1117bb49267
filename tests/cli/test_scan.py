# ruff: noqa: E501 - printed lines are shown whole here
"""`tollway scan`, as it is seen, on a made-up home with every tool's logs."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from left_logs import (
    COST_COLUMNS,
    OPENAI_COLUMNS,
    SECRET,
    START,
    Happened,
    Home,
    vllm_log,
    whole_home,
)

from tollway.catalog.prices import priced_model
from tollway.cli.app import run
from tollway.cli.scan_report import COMPARED
from tollway.simulator.formats import parse

PRICES = {
    "claude-opus-5": ("5", "0.5", "6.25", "25"),
    "claude-haiku-4-5": ("1", "0.1", "1.25", "5"),
    "gpt-5.3-codex": ("1.75", "0.175", "1.75", "14"),
    "gpt-5.4-mini": ("0.75", "0.075", "0.75", "4.5"),
    "gemini-3.6-flash": ("0.75", "0.075", "0.75", "3.75"),
}
"""USD a million tokens: input, read, written, output; typed in here once more, by hand."""

PROJECT = "/home/someone/SECRET-project"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("CODEX_HOME", raising=False)
    return whole_home(tmp_path)


def called(*argv: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(word) for word in argv])
    return code, out.getvalue(), err.getvalue()


def scanned(*argv: object) -> dict[str, Any]:
    code, out, _ = called("scan", "--json", *argv)
    assert code == 0
    return json.loads(out)


def cost_of(one: Happened) -> Decimal:
    """What it cost, worked out without the code that is tested."""
    if one.tool == "litellm":
        return Decimal("0.0025")
    given, read, written, output = map(Decimal, PRICES[one.model])
    fresh = one.input - one.cached - one.write - one.write_1h
    amount = fresh * given + one.cached * read + one.write * written + one.output * output
    amount += one.write_1h * 2 * given
    batch = one.tool == "openai-export" and one.at.day == 11
    return amount / 1_000_000 / (2 if batch else 1)


def test_the_totals_are_those_of_an_independent_sum(home: Home) -> None:
    found = scanned(home.path, home.path / "exports")
    assert found["total"]["input"] == sum(one.input for one in home.happened)
    assert found["total"]["output"] == sum(one.output for one in home.happened)
    assert found["total"]["cached_input"] == sum(one.cached for one in home.happened)
    assert found["total"]["requests"] == sum(one.requests for one in home.happened)
    assert Decimal(found["total"]["usd"]) == sum(map(cost_of, home.happened))
    for by in ("tool", "model", "day", "project"):
        (table,) = scanned("--by", by, home.path, home.path / "exports")["spend"]
        assert sum(Decimal(row["usd"]) for row in table["rows"]) == Decimal(found["total"]["usd"])
    assert found["unread"] == []


def test_what_is_saved_is_sound_and_can_be_rehearsed(home: Home) -> None:
    saved = home.path / "saved"
    code, _, words = called("scan", home.path, home.path / "exports", "--save", saved)
    single = [one for one in home.happened if "export" not in one.tool]
    assert code == 0
    assert words == (
        f"Wrote {saved}/fleet.toml and {saved}/trace.jsonl: {len(single)} requests, without text. Next:\n"
        f"  tollway check {saved}/fleet.toml && tollway simulate {saved}/fleet.toml --trace {saved}/trace.jsonl\n"
    )
    for path in saved.iterdir():
        assert SECRET not in path.read_text()
        assert "SECRET" not in path.read_text()
    trace = parse("trace.jsonl", (saved / "trace.jsonl").read_bytes())
    assert sum(one.input for one in trace.requests) == sum(one.input for one in single)
    assert sum(one.output for one in trace.requests) == sum(one.output for one in single)
    code, out, _ = called("check", saved / "fleet.toml")
    assert (code, out) == (
        0,
        f"{saved}/fleet.toml is sound: 4 models, 3 sources, 4 routes, 1 tenant\n",
    )
    code, out, _ = called(
        "simulate", saved / "fleet.toml", "--trace", saved / "trace.jsonl", "--json"
    )
    assert code == 0
    assert json.loads(out)["total"]["ok"] == len(single)
    code, _, words = called("scan", "--save", saved)
    assert (code, "is there already" in words) == (2, True)
    assert called("scan", "--save", saved, "--force")[0] == 0


def test_no_text_of_a_prompt_and_no_path_is_shown_unless_asked_for(home: Home) -> None:
    path = ".claude/projects/-home-someone-SECRET-project/s3.jsonl"
    home.write(path, '{"message":"SECRET-prompt-text\n')
    home.write("exports/vllm.log", vllm_log(2))
    for words in (
        [],
        ["--json"],
        ["--by", "project"],
        ["--by", "project,day,model,tool", "--json"],
    ):
        code, out, err = called("scan", home.path, home.path / "exports", *words)
        assert code == 0
        assert "SECRET" not in out + err
    _, out, _ = called("scan", "--by", "project", "--show-paths")
    assert PROJECT in out
    assert f"first: {home.path / path}:1" in out.replace("\n  ", "")
    assert SECRET not in out


def test_two_logs_of_the_same_requests_are_warned_of(home: Home) -> None:
    warnings = scanned(home.path, home.path / "exports")["warnings"]
    assert [words.partition(" may tell")[0] for words in warnings] == [
        "anthropic-export, claude-code",
        "codex, litellm, openai-export",
    ]
    assert scanned()["warnings"] == []


def test_rows_that_say_nothing_of_prompts_lengths_are_named(home: Home) -> None:
    row = "1794268800,1794355200,x,y,p,1,,k,gpt-6.1-sol,False,default,900000,0,0,900000\n"
    export = home.write("exports/sol.csv", OPENAI_COLUMNS + row)
    found = scanned(export)
    assert found["priced_as_short"] == 1
    assert scanned()["priced_as_short"] == 0


def test_a_model_without_a_price_is_named_and_counted(home: Home) -> None:
    log = home.write("exports/vllm.log", vllm_log(6))
    found = scanned(log)
    assert found["total"]["usd"] == "0.000000000000"
    assert found["unpriced"]["own-llama"]["input"] == 60_000
    code, out, _ = called("scan", log)
    assert code == 0
    assert "No price is known of own-llama: 6 requests, 60.0k in and 12.0k out" in out


def test_a_bill_is_shown_beside_and_not_added(home: Home) -> None:
    row = "2026-11-10,Claude Opus 5,Default,k,message,≤ 200k,output,1.25,1.25,token,global,\n"
    bill = home.write("cost.csv", COST_COLUMNS + row)
    assert scanned(home.path)["total"] == scanned(home.path, bill)["total"]
    code, out, _ = called("scan", bill)
    assert code == 0
    assert "Anthropic's export  Claude Opus 5  $1.2500" in out


def test_only_the_time_asked_for_counts(home: Home) -> None:
    export = home.path / "exports" / "openai.csv"
    assert scanned(export, "--since", "2026-11-11")["total"]["input"] == 400_000
    assert scanned(export, "--until", "2026-11-11")["total"]["input"] == 400_000
    code, _, err = called("scan", export, "--since", "2026-11-12")
    assert (code, err) == (1, "80 requests were read, and none of them is in that time.\n")


def test_nothing_to_read_is_exit_code_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert called("scan") == snapshot(
        (
            1,
            "",
            "tollway scan: found no sessions of Claude Code (~/.claude), Codex (~/.codex) or Gemini CLI (~/.gemini). Name a file or folder: an export of OpenAI's or Anthropic's console, a LiteLLM spend table, a vLLM log.\n",
        )
    )
    note = tmp_path / "note.txt"
    note.write_text("buy milk")
    assert called("scan", note) == snapshot(
        (
            1,
            "",
            "tollway scan: nothing in there could be read as usage.\nfiles: 1 files of no form that is known here; first: note.txt\n",
        )
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/nope"], "/nope is not there. Name a file"),
        (["--by", "dya"], '--by is "dya"; known: day, model, project, tool. Did you mean "day"?'),
        (["--against", "opnai:gpt-5"], '--against is "opnai:gpt-5"; providers: anthropic'),
        (["--against", "openai:gpt-5.4-mni"], 'Did you mean "gpt-5.4-mini"?'),
        (["--silicon", "h200"], '--silicon is "h200". Write CHIP:MODEL'),
        (["--silicon", "h2000:gpt-oss-120b"], "h2000"),
        (["--since", "soon"], '--since is "soon", not a moment'),
    ],
)
def test_what_makes_no_sense_is_said_with_the_mend(home: Home, argv: list[str], words: str) -> None:
    code, out, err = called("scan", *argv)
    assert (code, out) == (2, "")
    assert words in err


def test_every_model_that_is_compared_with_has_a_price() -> None:
    assert [it for it in COMPARED if priced_model(*it) is None] == []


def test_exports_alone_give_no_trace(home: Home) -> None:
    code, _, err = called("scan", home.path / "exports" / "openai.csv", "--save", home.path / "s")
    assert code == 2
    assert "there is no trace to write" in err


def test_what_was_read_before_an_interrupt_is_shown(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient:
        def __init__(self, total: int) -> None:
            self.seen = 0

        def __enter__(self) -> "Impatient":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def read(self, more: int) -> None:
            self.seen += 1
            if self.seen == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("tollway.cli.scan_progress.Progress", Impatient)
    code, out, err = called("scan", "--json")
    assert code == 130
    assert json.loads(out)["stopped"]
    assert list(json.loads(out)["files"]) == ["codex"]
    assert err == "Stopped: these are the files read until then.\n"


def test_a_first_answer_fits_a_terminal_of_80_columns(home: Home) -> None:
    home.write("exports/vllm.log", vllm_log(60))
    code, out, err = called("scan", home.path, home.path / "exports")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert out == snapshot("""\
$2.2076 at public prices: 3.03M tokens in, 179k out, 2026-11-10 to 2026-11-11

read                files  requests  days (UTC)
Claude Code             2        18  2026-11-10 to 2026-11-10
Gemini CLI              2         7  2026-11-10 to 2026-11-10
Codex                   1         5  2026-11-10 to 2026-11-10
Anthropic's export      1         -  2026-11-10 to 2026-11-10
OpenAI's export         1        80  2026-11-10 to 2026-11-11
LiteLLM                 1        30  2026-11-10 to 2026-11-10
vLLM                    1        60  2026-11-10 to 2026-11-10

Spend by model
model             requests  input  cached  output     cost  share
claude-opus-5           18   482k     70%   4.41k  $1.1765    53%
gpt-5.4-mini           110   830k     26%   43.4k  $0.5588    25%
claude-haiku-4-5         -  1.00M     80%   9.00k  $0.3875    18%
gpt-5.3-codex            5  70.0k     74%   1.51k  $0.0617     3%
gemini-3.6-flash         7  44.0k     47%   1.06k  $0.0231     1%
own-llama               60   600k     25%    120k        ?     0%
total                  200  3.03M     52%    179k  $2.2076

Spend by day
day         requests  input  cached  output     cost
2026-11-10       160  2.63M     56%    159k  $2.0464  ████████████████
2026-11-11        40   400k     25%   20.0k  $0.1612  █▎
total            200  3.03M     52%    179k  $2.2076
Tokens and requests: measured, from the logs. Cost: priced by date from the
  catalogue of 2026-11-22. Of it $0.0750 is stated by the logs themselves.
A subscription is billed otherwise: this is what its tokens cost by the token.
No price is known of own-llama: 60 requests, 600k in and 120k out are in no sum
  of money.
Warning: anthropic-export, claude-code may tell of the same requests to
  anthropic: the sum has them all. `--by tool` keeps them apart.
Warning: codex, litellm, openai-export may tell of the same requests to openai:
  the sum has them all. `--by tool` keeps them apart.

Cache hits lost
model             repeated  read  expired     cost  changed     cost
claude-opus-5         418k   81%    79.5k  $0.4571        -        -
gemini-3.6-flash     28.7k   71%        -        -    8.19k  $0.0055
gpt-5.3-codex        51.8k  100%        -        -        -        -
A cache life of an hour throughout would save $0.2171: $0.4571 fewer tokens paid
  anew, $0.2400 more for writes.
A prefix that stays the same would save $0.0055.
Repeated: tokens that the prompt before had in the cache, of which so many were
  read; the others were paid anew, since the cache had expired or the prefix had
  changed.
Read: measured. Lost: assumed, as a prompt no shorter than the one before in its
  conversation is taken to begin with it. Life: 5 minutes, an hour where written
  so, 10 minutes (assumed) where a provider caches by itself.

Token speed felt
tool         model             timed  first p50     p90  tok/s p50  p90
vLLM         own-llama            60          -       -         50   50
LiteLLM      gpt-5.4-mini         30     400 ms  400 ms         74   72
Claude Code  claude-opus-5        18     2.0 s*  2.0 s*         35   33
Gemini CLI   gemini-3.6-flash      7          -       -         38   38
Codex        gpt-5.3-codex         5      1.5 s   1.5 s         38   38
p50 is the middle one; 9 of 10 were no worse than p90. Measured, from times in
  the logs; *: to the first whole block, later than the first token.
tok/s: output over the whole request, its wait included, of answers of 32 tokens
  and more.
vLLM: the engine's own averages, shared out over its running requests.

The same tokens elsewhere
                                cost  change
as it is, today's prices     $2.1608
as it is, batch tier         $1.1919    -45%  sold for 97% of the cost
as it is, flex tier          $1.9855     -8%  sold for 24% of the cost
anthropic:claude-haiku-5-5   $0.1539    -93%
groq:openai/gpt-oss-120b     $0.2926    -86%
google:gemini-3.8-flash      $1.0801    -50%
openai:gpt-6.1-terra         $1.4297    -34%
fireworks:deepseek-v4-pro    $2.1544     -0%
openai:gpt-6.1-sol           $2.8595    +32%
anthropic:claude-sonnet-5-5  $2.9345    +36%
moonshotai:kimi-k3.1-pro     $2.9803    +38%
x-ai:grok-4.7                $3.0703    +42%
anthropic:claude-opus-5-5    $5.8690   +172%
own 1 x h200: gpt-oss-120b   $0.0381    -98%  measured, $0.0299 to $0.0496
own 8 x b200: deepseek-v3.1  $0.4319    -80%  interpolated, $0.3366 to $0.5698
Priced: catalogue of 2026-11-22. Assumed: the same number of tokens, though
  every model counts and answers otherwise, and the same share of each prompt
  from a cache. Own chips: 32 requests at a time of the mean length, neocloud
  rents while busy, 80% interval.
""")


def test_many_days_are_summed_up_and_the_sum_still_holds(home: Home) -> None:
    rows = ""
    for day in range(30):
        at = START.replace(hour=0) - timedelta(days=day)
        begin = int(at.timestamp())
        rows += (
            f"{begin},{begin + 86_400},x,y,p,1,,k,gpt-5.4-mini,False,default,1000000,0,0,1000000\n"
        )
    export = home.write("exports/month.csv", OPENAI_COLUMNS + rows)
    _, out, _ = called("scan", export)
    days = out[out.index("Spend by day") :].splitlines()[1:18]
    assert [line.split()[-2 if "█" in line else -1] for line in days] == [
        "cost",
        "$12.00",
        *["$0.75"] * 14,
        "$22.50",
    ]
