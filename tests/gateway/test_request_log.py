"""One JSON line for each request that ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from gateway_rig import BODY, DONE, LAST, SSE, STOP, Seen, chunk, event, json_answer, live
from process_rig import Gate, Terms, running
from workers_rig import everybody, request, spread, until

from tollway.dispatch.messages import (
    Action,
    Arrived,
    Content,
    Event,
    Failed,
    FailedAttempt,
    Reject,
    Relay,
    Reserve,
    Settle,
)
from tollway.errors import TollwayError
from tollway.fleet.usage import Usage
from tollway.gateway.log import Log
from tollway.gateway.telemetry.lines import MOST_WAITING, LineWriter
from tollway.gateway.telemetry.requestlog import Each, RequestLog

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\nx-tollway-tag: batch-7\r\n".encode()
ASKED = b'{"model":"chat",%b"messages":[{"role":"user","content":"the quick brown fox"}]}'
TABLE = Terms(tenant='[telemetry]\nrequest_log = "requests.jsonl"\n')


class Kept:
    """A writer that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        self.lines.append(line)

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def settle(outcome: str = "completed", **changes: object) -> Settle:
    facts: dict[str, Any] = {
        "request": "r", "outcome": outcome, "code": None, "source": "s", "model": "m",
        "upstream_model": "m-1", "tier": "standard", "usage": Usage(7, 4, 0, 3), "cost": 1_300_000,
        "attempts": 1, "failed": (), "ttft": 0.5, "duration": 1.5, "utc": 0.0,
    }  # fmt: skip
    whole: dict[str, Any] = {**facts, **changes}
    return Settle(**whole)


ARRIVED = Arrived("r", "kkkkkkkk", "chat", "chat", True, 5, None, 0, 1, tag="x", trace=TRACE)
RESERVE = Reserve("r", "kkkkkkkk", "t", "chat", "chat", 1, 1, 1, 0.0, "x")


def lines(*steps: tuple[Event, list[Action]]) -> list[dict[str, Any]]:
    kept = Kept()
    log = RequestLog(kept, {"kkkkkkkk": "t"}.get, lambda: 1e9 + 0.25)  # type: ignore[arg-type]
    for at, (event_, actions) in enumerate(steps):
        log.step(float(at), event_, actions)
    return kept.all()


def test_a_line_says_who_asked_what_it_cost_and_how_it_went() -> None:
    (line,) = lines((ARRIVED, [RESERVE]), (Content("r", 1), [settle()]))
    assert line == {
        "time": "2001-09-09T01:46:40.250Z",
        "request": "r",
        "outcome": "completed",
        "tenant": "t",
        "key": "kkkkkkkk",
        "route": "chat",
        "operation": "chat",
        "stream": True,
        "trace": TRACE,
        "tag": "x",
        "status": 200,
        "source": "s",
        "model": "m",
        "upstream_model": "m-1",
        "attempts": 1,
        "ttft": 0.5,
        "duration": 1.5,
        "input": 7,
        "cached_input": 4,
        "output": 3,
        "cost_usd": "0.0000013",
    }


@pytest.mark.parametrize(
    ("cost", "shown"),
    [(0, "0"), (1, "0.000000000001"), (10**12, "1"), (25 * 10**11, "2.5")],
)
def test_money_is_exact(cost: int, shown: str) -> None:
    (line,) = lines((ARRIVED, [RESERVE, settle(cost=cost)]))
    assert line.get("cost_usd", "0") == shown


@pytest.mark.parametrize("settled_first", [True, False])
def test_a_refusal_is_one_line_whatever_the_order_of_its_actions(settled_first: bool) -> None:
    reject = Reject("r", 503, "no_healthy_source", "No source.", 1.0)
    last = [settle("refused", code="no_healthy_source"), reject]
    (line,) = lines((ARRIVED, [RESERVE]), (Content("x", 1), last if settled_first else last[::-1]))
    assert (line["status"], line["outcome"], line["code"]) == (503, "refused", "no_healthy_source")


def test_who_is_refused_before_anything_is_reserved_has_a_line_too() -> None:
    (line,) = lines((ARRIVED, [Reject("r", 429, "budget_exhausted", "Too much.")]))
    assert (line["tenant"], line["status"], line["code"]) == ("t", 429, "budget_exhausted")
    assert line["outcome"] == "refused"
    assert "cost_usd" not in line


def test_a_fallback_names_the_attempts_that_failed() -> None:
    tried = FailedAttempt(1, "a", "m", "status", 503, Usage(), 0, 0.1)
    (line,) = lines(
        (ARRIVED, [RESERVE]),
        (Failed("r", 1, "status", Usage(), 503), []),
        (Content("r", 2), [settle(attempts=2, failed=(tried,))]),
    )
    assert line["failed"] == [{"source": "a", "model": "m", "kind": "status", "status": 503}]
    assert line["status"] == 200


@pytest.mark.parametrize(("said", "given"), [(400, 400), (401, 502)])
def test_a_relayed_error_has_the_status_that_the_client_saw(said: int, given: int) -> None:
    (line,) = lines(
        (ARRIVED, [RESERVE]),
        (Failed("r", 1, "status", Usage(), said), [Relay("r", 1), settle("failed")]),
    )
    assert line["status"] == given


def test_no_words_of_a_client_can_begin_a_line_of_their_own() -> None:
    kept = Kept()
    evil = 'chat\n{"request":"forged"}\r\u2028\x1b[2J"'
    log = RequestLog(kept, {}.get, time.time)  # type: ignore[arg-type]
    arrived = Arrived("r", "k", evil, "chat", False, 1, None, 0, 1)
    log.step(0.0, arrived, [Reject("r", 404, "model_not_found", "No such model.")])
    (line,) = kept.lines
    assert b"\n" not in line
    assert b"\x1b" not in line
    assert json.loads(line)["route"] == evil


def test_several_stand_where_a_recording_does() -> None:
    first, second = Kept(), Kept()
    both = Each(
        *(RequestLog(kept, {}.get, time.time) for kept in (first, second))  # type: ignore[arg-type]
    )
    both.step(0.0, ARRIVED, [RESERVE])
    both.adopted(1.0, {}, "fleet.toml", [settle("refused"), Reject("r", 404, "x", "y")])
    assert len(first.lines) == len(second.lines) == 1


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LineWriter(path, Log(time.time))
    writer.add(b"one")
    writer.flush()
    _wait(lambda: path.read_bytes() == b"one\n")
    path.rename(tmp_path / "log.1")
    writer.add(b"two")
    writer.close()
    assert path.read_bytes() == b"two\n"
    assert (tmp_path / "log.1").read_bytes() == b"one\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert writer.lost == 0


def test_a_log_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(TollwayError, match=r"telemetry\.request_log"):
        LineWriter(tmp_path / "none" / "log", Log(time.time))


def test_a_reader_that_takes_nothing_costs_lines_and_no_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    writer = LineWriter(pipe, Log(time.time))
    line = b"x" * (MOST_WAITING // 4)
    begun = time.monotonic()
    for _ in range(10):
        writer.add(line)
        writer.flush()
    assert time.monotonic() - begun < 1.0
    assert writer.lost >= 4
    writer.close()
    assert "request log lacks its end" in capsys.readouterr().err
    reader = threading.Thread(target=_drain, args=(held,))
    reader.start()
    reader.join()


def _drain(descriptor: int) -> None:
    """Let the writer's thread end."""
    os.set_blocking(descriptor, False)
    quiet = 0
    while quiet < 50:
        try:
            os.read(descriptor, 1 << 20)
            quiet = 0
        except BlockingIOError:
            quiet += 1
            time.sleep(0.002)
    os.close(descriptor)


def _wait(what: Any) -> None:
    until_ = time.monotonic() + 5
    while not what():
        assert time.monotonic() < until_
        time.sleep(0.005)


# --- with a whole gateway ------------------------------------------------------------------------


def written(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "requests.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@live
async def test_every_end_of_a_request_is_a_line(tmp_path: Path) -> None:
    gate = Gate()

    async def answer(seen: Seen) -> None:
        if b'"stream":true' in seen.body:
            await gate(seen)
        elif b"picky" in seen.body:
            await seen.say(json_answer(b'{"error":{"message":"no"}}', "400 Bad Request"))
        else:
            await seen.say(json_answer(BODY))

    async with running(tmp_path, answer, terms=TABLE) as (gateway, _):

        async def ask(body: bytes, extra: bytes = b"") -> int:
            client = await gateway.connect()
            client.say(request(gateway, body, extra))
            return (await client.got()).status

        assert await ask(ASKED % b"", TRACED) == 200
        assert await ask(ASKED % b'"user":"picky",') == 400
        assert await ask((ASKED % b"").replace(b'"chat"', b'"none"')) == 404
        leaving = await gateway.asking(stream=True)
        await leaving.reader.readuntil(b"\n\n")
        leaving.writer.transport.abort()
        await until(lambda: len(written(tmp_path)) == 4)
        staying = await gateway.asking(stream=True)
        await staying.reader.readuntil(b"\n\n")
        gateway.signal(signal.SIGTERM)
        gate.open.set()
        assert await gateway.ended() == 0
        good, picky, unknown, left, last = written(tmp_path)
        key = gateway.key.split("_")[1]
        assert {each["key"] for each in written(tmp_path)} == {key}
        assert {each["tenant"] for each in written(tmp_path)} == {"t"}
        assert (good["trace"], good["tag"], good["status"]) == (TRACE, "batch-7", 200)
        assert (good["input"], good["output"]) == (7, 3)
        assert good["cost_usd"] == "0.000013"
        assert (picky["status"], picky["outcome"]) == (400, "failed")
        assert (unknown["status"], unknown["code"]) == (404, "model_not_found")
        assert (left["outcome"], left["stream"]) == ("cancelled", True)
        assert last["outcome"] == "completed"
        text = (tmp_path / "requests.jsonl").read_text()
        for secret in ("quick brown", "hello", gateway.key, "upstream-secret"):
            assert secret not in text
        assert "started: http" in gateway.log()  # what was said in words still is


async def _flowing(seen: Seen) -> None:
    await seen.say(SSE, chunk(event("a")), chunk(STOP), chunk(DONE) + LAST)


@live
async def test_workers_share_one_log(tmp_path: Path) -> None:
    terms = Terms(gateway="workers = 2", tenant=TABLE.tenant)
    async with running(tmp_path, _flowing, terms=terms) as (gateway, _):
        await until(lambda: everybody(gateway))
        clients = await spread(gateway, 2)
        for client in clients:
            client.say(request(gateway, ASKED % b'"stream":true,', TRACED))
        for client in clients:
            assert (await client.got()).status == 200
        await until(lambda: len(written(tmp_path)) == len(clients))
        assert {line["trace"] for line in written(tmp_path)} == {TRACE}
        assert len({line["request"] for line in written(tmp_path)}) == len(clients)


def test_lines_may_go_to_standard_output() -> None:
    words = (
        "import time; from tollway.gateway.log import Log; "
        "from tollway.gateway.telemetry.lines import LineWriter; "
        "writer = LineWriter(None, Log(time.time)); writer.add(b'one'); writer.close()"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"one\n", b"")
