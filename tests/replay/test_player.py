import asyncio
import warnings
from typing import Any

import pytest

from tollway.errors import TollwayError
from tollway.replay.client import Client
from tollway.replay.player import Orders, Player
from tollway.replay.prompts import WORDS, Prompts
from tollway.simulator.report import Sample
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

ORDERS = Orders("chat", 1.0, "t", max_in_flight=100, timeout=Seconds(10.0), seed=1)


def trace(*rows: tuple[float, int, int]) -> Trace:
    made = (TraceRequest(Seconds(at), Tokens(given), Tokens(made)) for at, given, made in rows)
    return Trace("t", tuple(made))


async def played(stub: Any, wanted: Trace, orders: Orders = ORDERS) -> list[Sample]:
    client = Client(stub.url, {"authorization": "Bearer tw_x", "x-tollway-tag": orders.tag})
    samples = await Player(client, orders).play(wanted)
    client.close()
    return sorted(samples, key=lambda sample: sample.index)


async def test_lengths_are_asked_for_exactly_and_come_back_as_asked(stub: Any) -> None:
    samples = await played(stub, trace((0, 1, 1), (0, 3, 2), (0.01, 500, 30)))
    assert [(s.outcome, s.input_tokens, s.output_tokens) for s in samples] == [
        ("ok", 1, 1),
        ("ok", 3, 2),
        ("ok", 500, 30),
    ]
    last = max(stub.bodies, key=lambda body: body["max_tokens"])
    assert (last["max_tokens"], last["min_tokens"], last["ignore_eos"]) == (30, 30, True)
    assert (last["model"], last["stream"]) == ("chat", True)
    assert all("x-tollway-tag: t\r\n" in head for head in stub.heads)


async def test_a_first_token_is_content_and_not_the_role_that_precedes_it(stub: Any) -> None:
    stub.behave = lambda number, body: "hold"
    task = asyncio.create_task(played(stub, trace((0, 5, 3))))
    await asyncio.sleep(0)
    stub.hold.set()
    [sample] = await task
    assert sample.ttft is not None
    assert 0 < sample.ttft <= sample.latency
    assert sample.streaming <= sample.latency - sample.ttft


@pytest.mark.parametrize(
    ("word", "outcome", "reason"),
    [
        ("ok", "ok", None),
        ("fallback", "ok", None),
        ("402", "refused", "code_402"),
        ("429", "refused", "code_429"),
        ("500", "failed", "code_500"),
        ("cut", "failed", "cut"),
        ("error", "failed", "upstream_lost"),
    ],
)
async def test_every_request_ends_in_one_sample_with_its_reason(
    stub: Any, word: str, outcome: str, reason: str | None
) -> None:
    stub.behave = lambda number, body: word if number else "ok"
    first, second = await played(stub, trace((0, 5, 3), (0.02, 5, 3)))
    assert first.outcome == "ok"
    assert (second.outcome, second.reason) == (outcome, reason)
    assert (second.source, second.attempts) == {
        "fallback": ("b", 2),
        "402": (None, 0),
        "429": (None, 0),
        "500": (None, 0),
    }.get(word, ("a", 1))


async def test_nobody_listening_is_a_failure_and_not_an_exception(stub: Any) -> None:
    client = Client("http://127.0.0.1:1")
    [sample] = await Player(client, ORDERS).play(trace((0, 5, 3)))
    assert (sample.outcome, sample.reason) == ("failed", "connect")


async def test_a_request_that_hangs_ends_at_its_timeout(stub: Any) -> None:
    stub.behave = lambda number, body: "hold"
    orders = Orders("chat", 1.0, "t", 100, Seconds(0.05), seed=1)
    [sample] = await played(stub, trace((0, 5, 3)), orders)
    assert (sample.outcome, sample.reason, sample.content) == ("failed", "timeout", True)


async def test_arrivals_do_not_wait_for_answers(stub: Any) -> None:
    stub.behave = lambda number, body: "hold" if number < 5 else "ok"
    player = Player(Client(stub.url), ORDERS, lambda sample: stub.hold.set())
    samples = await player.play(trace(*[(0.001 * n, 5, 2) for n in range(6)]))
    # The sixth ends first, and its end releases the five that were sent before it.
    assert samples[0].index == 5
    assert all(s.outcome == "ok" for s in samples)


async def test_in_flight_is_bounded_and_waiting_for_room_counts_as_lateness(stub: Any) -> None:
    live: list[int] = []

    def behave(number: int, body: object) -> str:
        live.append(number)
        return "hold"

    stub.behave = behave
    orders = Orders("chat", 1.0, "t", 2, Seconds(10.0), seed=1)
    player = Player(Client(stub.url), orders)
    task = asyncio.create_task(player.play(trace(*[(0, 5, 2)] * 6)))
    await _until(lambda: len(live) == 2)
    await asyncio.sleep(0.05)
    assert len(live) == 2
    stub.hold.set()
    samples = await task
    assert len(samples) == 6
    assert sum(s.lateness > 0.04 for s in samples) == 4


async def test_stopping_keeps_what_is_done_and_marks_what_was_cut(stub: Any) -> None:
    stub.behave = lambda number, body: "ok" if number < 3 else "hold"
    player = Player(Client(stub.url), ORDERS)
    wanted = trace((0, 5, 2), (0, 5, 2), (0.01, 5, 2), (0.03, 5, 500), (60, 5, 2))
    task = asyncio.create_task(player.play(wanted))
    await _until(lambda: len(stub.bodies) == 4 and len(player.samples) == 3)
    player.stop()
    samples = await task
    assert [s.outcome for s in samples] == ["ok", "ok", "ok", "unfinished"]
    stub.hold.set()  # what it writes now finds nobody
    await asyncio.wait_for(stub.gone.wait(), 5)


async def test_connections_are_used_again(stub: Any) -> None:
    await played(stub, trace(*[(0.02 * n, 5, 2) for n in range(8)]))
    assert len(stub.bodies) == 8
    assert stub.connections == 1


async def test_a_faster_pace_compresses_arrivals(stub: Any) -> None:
    orders = Orders("chat", 100.0, "t", 100, Seconds(10.0), seed=1)
    samples = await played(stub, trace((0, 5, 1), (10, 5, 1)), orders)
    assert samples[1].due == pytest.approx(0.1)
    assert 0.1 <= samples[1].sent < 1.0


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8400", "http://u:p@h", "http://h/?k=v"])
def test_an_url_that_is_none_or_carries_a_secret_is_refused(url: str) -> None:
    with pytest.raises(TollwayError, match="--url"):
        Client(url)


def test_an_url_with_v1_means_the_same_as_without() -> None:
    assert Client("http://127.0.0.1:8400/v1").prefix == ""
    assert Client("http://[::1]:8400").is_loopback
    assert not Client("http://example.com").is_loopback


@pytest.mark.parametrize("vocabulary", ["cl100k_base", "o200k_base"])
def test_a_prompt_is_exactly_as_many_tokens_as_asked(vocabulary: str) -> None:
    with warnings.catch_warnings():
        # bpe-openai 0.1.4 opens its data the way that Python 3.11 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai
    encoding = bpe_openai.get_encoding(vocabulary)
    prompts = Prompts(seed=3)
    for index, tokens in enumerate([1, 2, 3, 4, 5, 6, 100, 7437, 40_000, 70_001]):
        assert len(encoding.encode(prompts.prompt(index, tokens))) == tokens
    for word in WORDS:
        assert len(encoding.encode(word)) == len(encoding.encode(f" {word}")) == 1


def test_no_two_prompts_begin_alike_and_a_seed_gives_the_same_ones() -> None:
    assert len(set(WORDS)) == 256
    prompts = Prompts(seed=3)
    heads = {prompts.prompt(index, 8).rsplit(" ", 4)[0] for index in range(5000)}
    assert len(heads) == 5000
    assert Prompts(seed=3).prompt(7, 50) == prompts.prompt(7, 50) != Prompts(4).prompt(7, 50)


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the stub's lists have no event of their own
            await asyncio.sleep(0.002)
