"""Predictions of the pages have limits, of time, of memory, of how many wait; the console answers
meanwhile."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from own_fleet import FLEET, HUGE, signed_in

from tollway.cli.app import run
from tollway.console import hands as the_hands
from tollway.console import house
from tollway.console.choose.predicted import job_of, predicted
from tollway.console.hand import Job, Load, SetUp, asked_of
from tollway.console.hands import Answers, Hands, TooLongError
from tollway.console.turns import BusyError
from tollway.errors import TollwayError
from tollway.feel.candidates import Seen, asks, choose
from tollway.feel.speeds import Ask, question_of
from tollway.feel.speeds import Load as Asked
from tollway.feel.uses import USES
from tollway.fleet.objects import PrefillChips, Silicon
from tollway.fleet.parse import parse
from tollway.simulator.felt import predictions
from tollway.units import Seconds, UtcSeconds

QUICK = {"model": "llama-3.1-70b", "chip": "h200", "tp": "2", "users": "8", "input": "900"}
ENDLESS = {
    "model": "llama-4-scout",
    "chip": "b300",
    "tp": "8",
    "users": "4096",
    "input": "1",
    "output": "999998",
}


async def test_a_felt_prediction_that_takes_too_long_is_refused_and_the_console_answers_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "Hands", lambda: Hands(limit=Seconds(2.0)))
    async with signed_in(tmp_path, FLEET) as (_, get):
        await get("/feel/stream", mode="text")  # the vocabulary is read, once
        asking = asyncio.create_task(get("/feel/prediction", **ENDLESS))
        meanwhile = 0
        while not asking.done():
            assert (await get("/feel/stream", mode="text")).status_code == 200
            meanwhile += 1
        refused = await asking
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("this takes longer than 2 s. Ask for fewer users")
    assert meanwhile > 5


class Endless(Hands):
    """Children that never answer: whether one is asked, and whether it was taken from who asked."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def ask(self, job: Job) -> Answers:
        self.begun.set()
        try:
            return await asyncio.Future()
        finally:
            self.ended.set()


@pytest.mark.parametrize(
    "path", ["/feel/prediction", "/twin", "/twin/answers.json", "/twin/grid.json", "/choose"]
)
async def test_who_leaves_ends_the_prediction_that_was_made_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    hands = Endless()
    monkeypatch.setattr(house, "Hands", lambda: hands)
    async with signed_in(tmp_path, SCORED) as (_, get), asyncio.timeout(30):
        asking = asyncio.create_task(get(path, **QUICK if path.startswith("/feel") else PRICED))
        await hands.begun.wait()
        assert not hands.ended.is_set()
        asking.cancel()
        await hands.ended.wait()


async def test_a_child_whose_asker_has_left_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    hands, started = Hands(limit=Seconds(60.0)), asyncio.create_subprocess_exec
    children: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()

    async def start(*words: str, **how: Any) -> asyncio.subprocess.Process:
        child = await started(*words, **how)
        children.put_nowait(child)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    asking = asyncio.create_task(hands.ask(Job(HUGE.set_up, 1, 999_998, HUGE.loads, "")))
    async with asyncio.timeout(30):
        child = await children.get()
        asking.cancel()
        assert await child.wait() != 0
    await hands.close()


async def test_a_felt_prediction_is_what_predict_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLWAY_STATE", str(tmp_path / "state"))
    async with signed_in(tmp_path, FLEET) as (_, get):
        felt = (await get("/feel/prediction", **QUICK)).json()
        unknown = await get("/feel/prediction", **{**QUICK, "chip": "h2000"})
    words = "--model llama-3.1-70b --chip h200 --tp 2 --concurrency 8 --in 900 --out 1024 --json"
    assert run(["predict", *words.split()]) == 0
    (said,) = msgspec.json.decode(capsys.readouterr().out)["answers"]
    assert [felt["rate"], felt["low"], felt["high"]] == [
        said["user_tokens_s"][it] for it in ("value", "low", "high")
    ]
    assert [felt["ttft"], felt["ttft_low"], felt["ttft_high"]] == [
        said["ttft_s"][it] for it in ("value", "low", "high")
    ]
    assert f"(provenance: {said['provenance']})" in felt["origin"]
    assert unknown.status_code == 422
    assert "Did you mean" in unknown.json()["error"]


async def test_more_than_may_wait_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_hands, "WAITING", 1)
    hands = Hands(limit=Seconds(60.0))
    jobs = [Job(HUGE.set_up, at, 10, (Load(users=1),), "") for at in range(100, 105)]
    try:
        found = await hands.each(jobs)
        assert [isinstance(one, BusyError) for one in found] == [False] * 3 + [True] * 2
        assert str(found[-1]) == "1 predictions wait already. Ask again in a few seconds."
        assert (await hands.ask(jobs[-1]))[0]["input_tokens"] == 104
    finally:
        await hands.close()


async def test_a_question_that_takes_too_long_is_broken_off_and_the_next_is_answered() -> None:
    hands = Hands()
    quick = Job(HUGE.set_up, 100, 10, (Load(users=1),), "")
    try:
        await hands.ask(quick)
        hands.limit = Seconds(0.2)
        with pytest.raises(TooLongError, match=r"longer than 0\.2 s\. Ask for fewer users"):
            await hands.ask(HUGE)
        hands.limit = Seconds(20.0)
        found = await hands.ask(Job(HUGE.set_up, 101, 10, (Load(users=1),), ""))
        assert found[0]["input_tokens"] == 101
    finally:
        await hands.close()


async def test_who_leaves_does_not_get_anothers_answer() -> None:
    hands = Hands()
    try:
        asking = asyncio.create_task(hands.ask(HUGE))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        found = await hands.ask(Job(HUGE.set_up, 102, 10, (Load(users=1),), ""))
        assert found[0]["input_tokens"] == 102
    finally:
        await hands.close()


async def test_an_unknown_chip_is_a_refusal_and_the_child_goes_on() -> None:
    hands = Hands()
    try:
        with pytest.raises(TollwayError, match="Did you mean"):
            await hands.ask(Job(SetUp("llama-3.3-70b", "h2000"), 10, 10, (Load(users=1),), ""))
        found = await hands.ask(Job(HUGE.set_up, 103, 10, (Load(users=1),), ""))
        assert found[0]["input_tokens"] == 103
    finally:
        await hands.close()


async def test_a_child_gives_way_and_ends_with_its_standard_input() -> None:
    pipe = asyncio.subprocess.PIPE
    words = (sys.executable, "-m", "tollway.console.hand")
    child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(msgspec.json.encode(Job(HUGE.set_up, 10, 10, (Load(users=1),), "")) + b"\n")
    assert json.loads(await child.stdout.readline())[0]["input_tokens"] == 10
    assert os.getpriority(os.PRIO_PROCESS, child.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    child.stdin.close()
    assert await child.wait() == 0


BOUND = """
import resource
from tollway.console import hand
hand._NICE = 0
def greedy(*_):
    return bytearray(5 << 30)
if {greedy}:
    hand._answer = greedy
hand.main()
assert resource.getrlimit(resource.RLIMIT_AS) == (4 << 30, 4 << 30)
"""


@pytest.mark.parametrize("greedy", [True, False], ids=["greedy", "usual"])
def test_a_child_takes_no_more_memory_than_it_may_and_says_so(greedy: bool) -> None:
    line = msgspec.json.encode(Job(HUGE.set_up, 10, 10, (Load(users=64),), "")) + b"\n"
    words = [sys.executable, "-c", BOUND.format(greedy=greedy)]
    done = subprocess.run(words, input=line, capture_output=True, check=True, timeout=60)
    said = msgspec.json.decode(done.stdout)
    if greedy:
        assert said["refused"].startswith("this takes more than 4 GiB of memory.")
    else:
        assert said[0]["user_tokens_s"]["value"] > 0


HEAD = '[models."llama-3.1-70b"]\n'
SCORE = 'quality.any = { score = 71.2, margin = 1.5, of = "our evaluation" }\n'
SCORED = FLEET.replace(HEAD, HEAD + SCORE)
PRICED = {"use": "code", "users": "8", "hour": "2.5"}


async def test_choose_predicts_by_the_children_what_the_command_predicts() -> None:
    fleet = parse({"fleet.toml": SCORED}, "fleet.toml")
    seen = Seen(UtcSeconds(1_790_000_000.0), hour_usd={"": 2.5})
    hands = Hands(limit=Seconds(60.0))
    try:
        found = await predicted(hands, asks(fleet, USES["code"], seen, 8), "")
    finally:
        await hands.close()
    assert list(found) == [("own", "llama-3.1-70b")]
    mine = choose(fleet, USES["code"], replace(seen, predicted=found), 8)
    its = predictions(asks(fleet, USES["code"], seen, 8), {})
    assert mine == choose(fleet, USES["code"], replace(seen, predicted=its), 8)
    assert "predicted for h200 at 8 users" in mine.placed[0].candidate.wait.origin


@pytest.mark.parametrize("pool", [None, PrefillChips("b200", 2, 3)], ids=["alone", "pool"])
def test_a_child_is_asked_of_a_source_what_the_command_asks(pool: PrefillChips | None) -> None:
    serving = parse({"fleet.toml": SCORED}, "fleet.toml").sources["own"].serves["llama-3.1-70b"]
    ask = Ask("own", serving, Silicon("h200", 2, 4, prefill=pool), Asked(900, 100, 33), 2.5)
    question = question_of(ask)
    job = job_of(ask, "")
    asked = asked_of(job).question
    load = replace(asked.workload, concurrency=job.loads[0].users)
    assert replace(asked, workload=load) == question
    assert question.settings.context == 16_000


async def test_choose_leaves_out_what_takes_too_long_and_says_when_too_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "Hands", lambda: Hands(limit=Seconds(0.01)))
    async with signed_in(tmp_path, SCORED) as (_, get):
        late = await get("/choose", **PRICED)
        monkeypatch.setattr(the_hands, "WAITING", -the_hands.HANDS)
        busy = await get("/choose", **PRICED)
    assert late.status_code == 200
    assert "this takes longer than 0.01 s. Ask for fewer users" in late.text
    assert busy.status_code == 503
    assert "predictions wait already. Ask again" in busy.text
