"""What the data plane writes down of requests, without anybody who tells of it."""

import time

import msgspec
import pytest
from gateway_rig import BODY, KEY, Rig, Seen, good_body, json_answer, live

from tollway.dispatch.messages import Cancelled, Failed, Reject
from tollway.fleet.objects import KeyTerms
from tollway.fleet.usage import Usage
from tollway.gateway.facts import RequestFacts
from tollway.gateway.http import Request
from tollway.gateway.tracing import tracer as module
from tollway.gateway.tracing.records import Served
from tollway.gateway.tracing.tracer import Tracer
from tollway.ledger.keys import KeyRecord, key_digest

FACTS = RequestFacts(
    operation="chat", model="chat", stream=False, wants_usage=False, input_tokens=1,
    max_output=None, prefix=0,
)  # fmt: skip


def request(**headers: bytes) -> Request:
    one = Request()
    one.path = b"/v1/chat/completions"
    one.headers = {name.encode(): value for name, value in headers.items()}
    one.key = KeyRecord(KeyTerms("abcdefgh", "t"), "n", key_digest(KEY), 0.0)
    return one


def read(tracer: Tracer) -> list[Served]:
    lines, _ = tracer.take()
    return [msgspec.json.decode(line, type=Served) for line in lines.splitlines()]


@pytest.fixture
def tracer() -> Tracer:
    return Tracer(1.0, time.monotonic, time.time)


def test_a_request_is_written_down_once_whatever_comes_after_its_end(tracer: Tracer) -> None:
    tracer.begin("r", request(), FACTS, None)
    tracer.asked(Reject("r", 429, "budget_exhausted", "No."))
    tracer.happened(Cancelled("r", Usage()))
    tracer.asked(Reject("r", 503, "x", "y"))
    (one,) = read(tracer)
    assert (one.status, one.code) == (429, "budget_exhausted")
    assert read(tracer) == []


def test_what_nobody_began_is_nobodys(tracer: Tracer) -> None:
    tracer.happened(Failed("r", 1, "cut", Usage()))
    tracer.happened(Cancelled("r", Usage()))
    tracer.asked(Reject("r", 503, "x", "y"))
    assert tracer.take() == (b"", 0)


def test_times_are_of_the_wall_clock_and_in_order(tracer: Tracer) -> None:
    before = time.time()
    tracer.begin("r", request(), FACTS, None)
    tracer.happened(Cancelled("r", Usage()))
    (one,) = read(tracer)
    assert before - 0.01 <= one.started <= one.ended <= time.time() + 0.01


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_traces_that_begin_here_is_kept(share: float) -> None:
    tracer = Tracer(share, time.monotonic, time.time)
    begun = [tracer.begin(f"{number}", request(), FACTS, None) for number in range(4000)]
    told = sum(each.record.sampled for each in begun)
    assert abs(told / 4000 - share) < 0.035 or share in (0.0, 1.0)
    assert told == 4000 * share or share == 0.25
    assert len({each.record.trace for each in begun}) == 4000


def test_who_is_sampled_elsewhere_is_not_drawn_for_again() -> None:
    tracer = Tracer(0.0, time.monotonic, time.time)
    for flag, sampled in ((b"01", True), (b"00", False)):
        parent = b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-" + flag
        trace = tracer.begin("r", request(traceparent=parent), FACTS, None)
        assert trace.record.sampled is sampled
        assert trace.record.trace == "1" * 32


def test_what_does_not_fit_is_counted_and_nobody_waits(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1000)
    for number in range(10):
        tracer.begin(f"{number}", request(), FACTS, None)
        tracer.happened(Cancelled(f"{number}", Usage()))
    lines, lost = tracer.take()
    assert 0 < lines.count(b"\n") < 10
    assert lines.count(b"\n") + lost == 10
    assert tracer.take() == (b"", 0)


@live
async def test_without_a_tracer_the_clients_own_words_go_on_as_they_came() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        client.ask(extra=b"traceparent: 00-ab-cd-01\r\ntracestate: x\r\n")
        await client.got()
        assert b"traceparent: 00-ab-cd-01\r\ntracestate: x\r\n" in mock.seen[0].head
        assert rig.decider.events[0].trace is None  # type: ignore[union-attr]


@live
async def test_with_one_a_source_is_told_of_its_own_attempt_and_never_of_a_broken_parent() -> None:
    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(BODY) if len(mock.seen) > 1 else json_answer(b"{}", "500 No"))

    async with Rig(plan=["a", "a"]) as rig, rig.client() as client:
        rig.board.tracer = Tracer(1.0, time.monotonic, time.time)
        mock = await rig.upstream(answer)
        rig.use(a=mock.url)
        client.ask(extra=b"traceparent: 00-ab-cd-01\r\ntracestate: x=1\r\n")
        assert (await client.got()).status == 200
        (one,) = read(rig.board.tracer)
        assert [tried.error for tried in one.attempts] == ["500", None]
        assert one.parent is None
        for tried, seen in zip(one.attempts, mock.seen, strict=True):
            assert f"traceparent: 00-{one.trace}-{tried.span}-03\r\n".encode() in seen.head
            assert b"tracestate" not in seen.head
            assert b"00-ab-cd" not in seen.head
        assert rig.decider.events[0].trace == one.trace  # type: ignore[union-attr]
