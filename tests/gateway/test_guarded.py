"""What the guard lets through a running data plane, in every dialect, whole and streamed."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from dialect_sources import WAYS, said_of, say, streamed_text, text_of
from gateway_rig import (
    LAST,
    SSE,
    Client,
    Rig,
    Seen,
    chunk,
    event,
    json_answer,
    live,
    source,
)

from tollway.dialects.deltas import (
    Broken,
    Closed,
    Delta,
    Done,
    Opened,
    Piece,
    Signed,
    Stopped,
)
from tollway.dialects.meaning import Signature
from tollway.dispatch import messages as m
from tollway.fleet.guarding import Action, Direction, GuardRule, GuardSettings
from tollway.fleet.objects import Candidate, Dialect
from tollway.gateway.guarded import inspector as inspecting
from tollway.gateway.guarded.answers import BarredError, Incoming, Passing
from tollway.gateway.guarded.inspector import Inspector
from tollway.gateway.upstream import Origin
from tollway.guard.event import SecurityEvent
from tollway.guard.inspection import Guard
from tollway.ledger.guarded.approvals import Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.units import Seconds

DIALECTS = tuple(WAYS)
PAIRS = [(client, spoken) for client in DIALECTS for spoken in DIALECTS]
CARD = "4111 1111 1111 1111"
MAIL = "jane.doe@nightowl.dev"
SECRET = "hunter2-is-no-password"


def rule(
    action: Action,
    *detectors: str,
    direction: Direction | None = None,
    destinations: tuple[str, ...] | None = None,
) -> GuardRule:
    return GuardRule(
        f"{action} {detectors[0]}", detectors, action, None, None, direction, destinations
    )


@dataclass
class World:
    """A rig with a guard, one client, and what its sources were asked."""

    rig: Rig
    client: Client
    folder: Path
    seen: list[Seen]
    words: tuple[str, ...] = ("Two ", "times ", "is fine.")

    def events(self) -> list[SecurityEvent]:
        """Closes the inspector, so that all is written."""
        assert self.rig.inspector is not None
        self.rig.inspector.close()
        self.rig.inspector = None
        book = GuardBook(self.folder / GUARD_BOOK)
        told = [event for _, event in Events(book).read()]
        book.close()
        return told

    def sent(self) -> str:
        """The last body that a source got."""
        return self.seen[-1].body.decode()


@asynccontextmanager
async def guarded(
    folder: Path,
    *rules: GuardRule,
    spoken: Dialect = "openai",
    labels: tuple[tuple[str, ...], ...] = ((),),
    **changes: Any,
) -> AsyncIterator[World]:
    settings = GuardSettings("block", rules, ("Nightjar",), (), None, **changes)
    plan = [f"s{number}" for number in range(len(labels))]
    guard = Guard(settings, {"demo": SECRET.encode()})
    async with Rig(plan=plan) as rig:
        # Whoever connects is only waited for so long, and a guard takes its time to be made.
        rig.inspector = Inspector(guard, folder, pytest.fail)
        async with rig.client() as client:
            world = World(rig, client, folder, [])

            async def answer(seen: Seen) -> None:
                world.seen.append(seen)
                await say(seen, spoken, world.words)

            mock = await rig.upstream(answer)
            sources = {
                f"s{number}": source(f"s{number}", mock.url, dialects=(spoken,), labels=some)
                for number, some in enumerate(labels)
            }
            candidates = tuple(Candidate(name, "m") for name in sources)
            route = replace(rig.fleet.routes["chat"], candidates=candidates)
            rig.fleet = replace(
                rig.fleet,
                sources=sources,
                routes={**rig.fleet.routes, "chat": route},
                guard=settings,
            )
            rig.board.use({name: Origin.of(one, None) for name, one in sources.items()})
            yield world


def ask(world: World, client: Dialect, text: str, stream: bool = False) -> None:
    way = WAYS[client]
    path, body = way.ask(stream)
    world.client.ask(body.replace(b"hello", json.dumps(text)[1:-1].encode()), path)


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_secret_in_a_request_is_stopped_on_every_surface(
    client: Dialect, stream: bool, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, spoken=client) as world:
            hidden = base64.b64encode(f"the password is {SECRET}".encode()).decode()
            for text in (SECRET, hidden, "about nightjar"):
                ask(world, client, f"see: {text}", stream)
                got = await world.client.got()
                assert got.status == 403, text
                assert b"may not leave" in got.body
                assert SECRET.encode() not in got.body
            assert world.seen == []
            assert world.rig.decider.events == []
            ask(world, client, "nothing to see", stream)
            assert (await world.client.got()).status == 200
            told = world.events()
            assert [it.outcome for it in told] == ["denied"] * 3
            assert told[1].evidence[0].detector == "known:demo"
            assert told[1].evidence[0].layers == ("base64",)
            assert all(SECRET not in str(it) for it in told)

    run()


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
def test_prompts_and_texts_to_embed_are_inspected_too(path: str, tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            key = "prompt" if "completions" in path else "input"
            body = json.dumps({"model": "chat", key: f"my card {CARD}"}).encode()
            world.client.ask(body, path.encode())
            assert (await world.client.got()).status == 403

    run()


def test_without_a_guard_the_same_secret_leaves(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            world.rig.fleet = replace(world.rig.fleet, guard=None)
            ask(world, "openai", SECRET)
            assert (await world.client.got()).status == 200
            assert SECRET in world.sent()

    run()


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_redacted_is_out_of_the_request_and_of_the_answer(
    client: Dialect, spoken: Dialect, stream: bool, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, rule("redact", "financial"), spoken=spoken) as world:
            world.words = ("Yours is 41", "11 1111 111", "1 1111, mine", " none.")
            ask(world, client, f"it is {CARD}, thanks", stream)
            got = await world.client.got()
            assert got.status == 200, got.body
            assert CARD not in world.sent()
            assert "it is [redacted:payment-card], thanks" in world.sent()
            read = streamed_text if stream else text_of
            said = read(client, got.body)
            assert said == "Yours is [redacted:payment-card], mine none."
            [done] = world.rig.decider.seen(m.Finished)
            assert isinstance(done, m.Finished)
            assert (done.usage.input, done.usage.output) == (11, 5)
            assert [it.outcome for it in world.events()] == ["changed", "changed"]

    run()


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_token_stands_for_a_value_on_the_way_out_and_is_turned_back(
    client: Dialect, spoken: Dialect, stream: bool, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, rule("tokenise", "personal", direction="out")) as world:
            world.rig.fleet = replace(
                world.rig.fleet,
                sources={
                    name: replace(one, dialects=(spoken,))
                    for name, one in world.rig.fleet.sources.items()
                },
            )
            sources = world.rig.fleet.sources

            async def answer(seen: Seen) -> None:
                world.seen.append(seen)
                token = seen.body.decode().partition("TWT_")[2]
                token = "TWT_" + token[: token.index("_") + 17]
                words = ("Mail ", token[:3], token[3:20], token[20:] + " now.")
                await say(seen, spoken, words)

            mock = await world.rig.upstream(answer)
            world.rig.board.use(
                {
                    name: Origin.of(replace(one, base_url=mock.url), None)
                    for name, one in sources.items()
                }
            )
            ask(world, client, f"write to {MAIL} please", stream)
            got = await world.client.got()
            assert got.status == 200, got.body
            assert MAIL not in world.sent()
            read = streamed_text if stream else text_of
            assert read(client, got.body) == f"Mail {MAIL} now."

    run()


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_a_secret_ends_and_says_so_and_nothing_of_it_is_out(
    client: Dialect, stream: bool, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, spoken=client) as world:
            world.words = ("The ", "key is hunter", "2-is-no-", "password and", " more.")
            ask(world, client, "tell me", stream)
            got = await world.client.got()
            assert got.status in ((200, 403) if stream else (403,))
            assert b"may not come in" in got.body
            assert b"hunter" not in got.body
            assert b"[DONE]" not in got.body
            await world.rig.until(lambda: bool(world.rig.decider.seen(m.Cancelled)))
            [over] = world.rig.decider.seen(m.Cancelled)
            assert isinstance(over, m.Cancelled)
            assert over.usage.output > 0
            assert [it.outcome for it in world.events()] == ["denied"]

    run()


@pytest.mark.parametrize("client", DIALECTS)
def test_a_stream_that_flows_already_ends_in_an_error_and_not_in_an_end(
    client: Dialect, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, spoken=client) as world:
            flowing = Event()

            async def answer(seen: Seen) -> None:
                words = ("Some words that flow, ", "and then hunter2-is-no", "-password ", "more")
                said = said_of(client, words).events
                cut = next(n for n, it in enumerate(said) if b"hunter2" in it)
                await seen.say(SSE, *map(chunk, said[:cut]))
                while not flowing.is_set():  # noqa: ASYNC110 - the client tells
                    await asyncio.sleep(0.01)
                await seen.say(*map(chunk, said[cut:]), LAST)

            mock = await world.rig.upstream(answer)
            one = source("s0", mock.url, dialects=(client,))
            world.rig.board.use({"s0": Origin.of(one, None)})
            ask(world, client, "tell me", True)
            assert (await world.client.head()).status == 200
            flowing.set()
            body = await world.client.chunks()
            assert b"Some words" in body
            assert b"hunter2" not in body
            assert b"may not come in" in body
            assert b"[DONE]" not in body
            await world.rig.until(lambda: bool(world.rig.decider.seen(m.Cancelled)))

    run()


def pieces(*parts: tuple[str, str]) -> list[Delta]:
    """Deltas of one choice: parts of (kind, text), each opened and closed."""
    made: list[Delta] = []
    for index, (kind, text) in enumerate(parts):
        made.append(Opened(0, index, kind, "c1", "look"))  # type: ignore[arg-type]
        made += [Piece(0, index, text), Closed(0, index)]
    return [*made, Stopped(0, "stop"), Done()]


def passed(made: list[Delta]) -> list[Delta]:
    settings = GuardSettings("block", (), ("Nightjar",), (), None)
    guard = Guard(settings, {"demo": SECRET.encode()})
    incoming = Incoming(guard, "r", "t", "k", "chat", None, lambda: 1.0, lambda _: None)
    passing = Passing(incoming, frozenset())
    out: list[Delta] = []
    try:
        for delta in made:
            out += passing.take([delta])
    except BarredError:
        out.append(Broken("barred"))
    return out


def joined(deltas: list[Delta]) -> list[Delta]:
    """Pieces of one part in a row are one."""
    made: list[Delta] = []
    for it in deltas:
        last = made[-1] if made else None
        if isinstance(it, Piece) and isinstance(last, Piece) and last.index == it.index:
            made[-1] = Piece(it.choice, it.index, last.text + it.text)
        else:
            made.append(it)
    return made


def text_of_kind(deltas: list[Delta]) -> dict[str, str]:
    """What a client puts together of each kind."""
    kinds: dict[int, str] = {}
    texts: dict[str, str] = {}
    for it in deltas:
        if isinstance(it, Opened):
            kinds[it.index] = it.kind
        elif isinstance(it, Piece):
            texts[kinds[it.index]] = texts.get(kinds[it.index], "") + it.text
    return texts


def text_in(deltas: list[Delta]) -> str:
    return "".join(it.text for it in deltas if isinstance(it, Piece))


@pytest.mark.parametrize("between", ["reasoning", "refusal", "tool_call"])
@pytest.mark.parametrize("secret", [SECRET, "AKIAIOSFODNN7QRSTUVW", CARD])
def test_a_secret_with_other_parts_between_its_pieces_does_not_come_in(
    between: str, secret: str
) -> None:
    for cut in range(4, len(secret) - 1):
        made = pieces(("text", f"it is {secret[:cut]}"), (between, "well "), ("text", secret[cut:]))
        out = passed(made)
        assert isinstance(out[-1], Broken), cut
        assert secret[:cut] not in text_in(out)


def test_what_follows_a_harmless_part_is_not_kept_and_nothing_is_lost() -> None:
    made = pieces(("reasoning", "I think so."), ("text", "It is 5 o'clock"), ("tool_call", "{}"))
    assert joined(passed(made)) == joined(made)
    kept = pieces(("text", "the key is AKIA"), ("reasoning", "hm"), ("text", " and so on"))
    assert text_of_kind(passed(kept)) == text_of_kind(kept)
    plain = [type(it) for it in kept if not isinstance(it, Piece)]
    assert [type(it) for it in passed(kept) if not isinstance(it, Piece)] == plain


@pytest.mark.parametrize(
    "delta",
    [
        Opened(0, 0, "tool_call", "c1", SECRET),
        Opened(0, 0, "tool_call", SECRET, "look"),
        Signed(0, 0, Signature("gemini", SECRET)),
        Stopped(0, "stop_sequence", SECRET),
    ],
)
def test_names_ids_signatures_and_stop_sequences_are_inspected(delta: Delta) -> None:
    assert isinstance(passed([delta])[-1], Broken)


@pytest.mark.parametrize("flowing", [False, True])
def test_what_comes_behind_the_reason_for_the_end_is_barred_in_words(
    flowing: bool, tmp_path: Path
) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            go = asyncio.Event()

            async def answer(seen: Seen) -> None:
                first, last = event("fine words "), b"data: [DONE]\n\n"
                stop = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
                await seen.say(SSE + (chunk(first) if flowing else b""))
                if flowing:
                    await go.wait()
                rest = (stop, event(SECRET), last)
                await seen.say(b"".join(map(chunk, rest if flowing else (first, *rest))) + LAST)

            mock = await world.rig.upstream(answer)
            world.rig.board.use({"s0": Origin.of(source("s0", mock.url), None)})
            world.client.stream()
            if flowing:
                assert (await world.client.head()).status == 200
                go.set()
                body = await world.client.chunks()
            else:
                body = (await world.client.got()).body
            assert b"may not come in" in body
            assert SECRET.encode() not in body
            await world.rig.until(lambda: bool(world.rig.decider.seen(m.Cancelled)))

    run()


def test_beside_its_vectors_an_embedding_is_inspected(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            said = [b""]

            async def answer(seen: Seen) -> None:
                await seen.say(json_answer(said[0]))

            mock = await world.rig.upstream(answer)
            world.rig.board.use({"s0": Origin.of(source("s0", mock.url), None)})
            vectors = b"[0.4111111111111111, -4111111111111111e-3]"
            for model, status in ((b"m", 200), (SECRET.encode(), 403)):
                said[0] = b'{"object":"list","data":[{"embedding":%b}],"model":"%b"}' % (
                    vectors,
                    model,
                )
                world.client.ask(b'{"model":"chat","input":"hi"}', b"/v1/embeddings")
                assert (await world.client.got()).status == status

    run()


def test_what_may_stay_in_the_house_goes_to_sources_of_the_house_only(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        labels = ((), ("on-prem",))
        async with guarded(tmp_path, rule("on-prem", "financial"), labels=labels) as world:
            world.rig.decider.plan = ["s1"]
            ask(world, "openai", f"it is {CARD}")
            assert (await world.client.got()).status == 200
            [arrived] = world.rig.decider.seen(m.Arrived)
            assert isinstance(arrived, m.Arrived)
            assert arrived.allowed == ("s1",)
            assert CARD in world.sent()
            ask(world, "openai", "nothing")
            await world.client.got()
            assert world.rig.decider.seen(m.Arrived)[1].allowed is None  # type: ignore[union-attr]

    run()


def test_a_source_that_lost_its_label_since_is_not_asked(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        labels = ((), ("on-prem",))
        async with guarded(tmp_path, rule("on-prem", "financial"), labels=labels) as world:
            world.rig.decider.plan = ["s0"]  # as if the labels had moved by a reload
            ask(world, "openai", f"it is {CARD}")
            assert (await world.client.got()).status == 502
            assert world.seen == []

    run()


def test_each_destination_gets_what_its_own_rules_let_out(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        rules = (rule("allow", "financial", destinations=("house",)), rule("redact", "financial"))
        async with guarded(tmp_path, *rules, labels=((), ("house",))) as world:
            for place, there in (("s0", False), ("s1", True)):
                world.rig.decider.plan = [place]
                ask(world, "openai", f"it is {CARD}")
                assert (await world.client.got()).status == 200
                assert (CARD in world.sent()) == there

    run()


def test_somebody_is_asked_once_and_a_yes_lets_that_very_thing_out(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, rule("ask", "financial")) as world:
            ask(world, "openai", f"it is {CARD}")
            got = await world.client.got()
            assert got.status == 403
            assert b"approval_needed" in got.body
            name = got.headers["x-tollway-approval"]
            ask(world, "openai", f"again: {CARD}")
            assert (await world.client.got()).headers["x-tollway-approval"] == name
            assert world.seen == []
            book = GuardBook(tmp_path / GUARD_BOOK)
            approvals = Approvals(book)
            question = approvals.find(name)
            assert question is not None
            assert CARD not in question.words
            assert "payment-card" in question.words
            assert world.rig.inspector is not None
            approvals.decide(name, True, "ann", world.rig.inspector.utc())
            book.close()
            ask(world, "openai", f"it is {CARD}")
            assert (await world.client.got()).status == 200
            ask(world, "openai", "it is 5500 0000 0000 0004")
            assert (await world.client.got()).status == 403

    run()


def test_a_yes_for_one_destination_opens_no_other(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        rules = (
            rule("ask", "term", destinations=("a",)),
            rule("allow", "term", destinations=("b",)),
            rule("allow", "financial", destinations=("a",)),
            rule("ask", "financial", destinations=("b",)),
        )
        async with guarded(tmp_path, *rules, labels=(("a",), ("b",))) as world:
            text = f"Nightjar {CARD}"
            ask(world, "openai", text)
            name = (await world.client.got()).headers["x-tollway-approval"]
            book = GuardBook(tmp_path / GUARD_BOOK)
            assert world.rig.inspector is not None
            question = Approvals(book).find(name)
            assert question is not None
            assert question.facts["sources"] == ["s0"]
            Approvals(book).decide(name, True, "ann", world.rig.inspector.utc())
            book.close()
            ask(world, "openai", text)
            await world.client.got()
            arrived = world.rig.decider.seen(m.Arrived)[-1]
            assert isinstance(arrived, m.Arrived)
            assert arrived.allowed == ("s0",)

    run()


@pytest.mark.parametrize(
    "name", ["traceparent", "tracestate", "anthropic-version", "anthropic-beta", "x-tollway-tag"]
)
def test_what_goes_on_of_a_head_is_inspected(name: str, tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, spoken="anthropic") as world:
            path, body = WAYS["anthropic"].ask(False)
            extra = b"traceparent: 00-1-2-01\r\n" if name == "tracestate" else b""
            for value, status in (("plain", 200), (SECRET, 403)):
                line = f"{name}: {value}\r\n".encode()
                world.client.ask(body, path, extra + line)
                assert (await world.client.got()).status == status
            assert all(SECRET.encode() not in it.head for it in world.seen)

    run()


def test_what_a_source_says_in_its_head_does_not_come_in_unread(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:

            async def answer(seen: Seen) -> None:
                extra = f"x-request-id: {SECRET}\r\nopenai-processing-ms: {SECRET}\r\n".encode()
                await seen.say(json_answer(b'{"choices":[]}', extra=extra))

            mock = await world.rig.upstream(answer)
            world.rig.board.use({"s0": Origin.of(source("s0", mock.url), None)})
            world.client.ask()
            assert SECRET not in str((await world.client.got()).headers)

    run()


def test_the_name_of_no_route_goes_to_nobody_and_into_no_event(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            body = json.dumps({"model": SECRET, "messages": [{"role": "user", "content": SECRET}]})
            world.client.ask(body.encode())
            await world.client.got()
            [arrived] = world.rig.decider.seen(m.Arrived)
            assert isinstance(arrived, m.Arrived)
            assert arrived.allowed == ()
            assert world.events() == []

    run()


def test_a_long_body_is_inspected_beside_the_loop(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            words = "many words of no interest " * 2000
            async with world.rig.client() as other:
                ask(world, "openai", words + SECRET)
                other.ask()
                assert (await other.got()).status == 200
                assert (await world.client.got()).status == 403
            ask(world, "openai", words)
            assert (await world.client.got()).status == 200

    run()


def test_a_client_that_leaves_while_its_request_is_inspected_asks_nobody(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            ask(world, "openai", "many words of no interest " * 4000)
            await world.client.writer.drain()
            world.client.writer.close()
            await world.rig.until(lambda: not world.rig.front.connections)
            async with world.rig.client() as other:
                other.ask()
                assert (await other.got()).status == 200
            assert len(world.rig.decider.seen(m.Arrived)) <= 2

    run()


def test_an_inspection_that_takes_too_long_refuses_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @live
    async def run() -> None:
        said: list[str] = []
        enough = Event()
        async with guarded(tmp_path, patience=Seconds(0.05)) as world:
            monkeypatch.setattr(world.rig.inspector, "_say", said.append)
            monkeypatch.setattr(inspecting, "ON_THE_LOOP", 0)
            monkeypatch.setattr(inspecting, "clear", lambda *_: enough.wait(10.0))
            world.client.ask()
            got = await world.client.got()
            enough.set()
            assert (got.status, world.seen) == (503, [])
            assert b"guard_timeout" in got.body
            assert said

    run()


def bomb(rounds: int = 3) -> str:
    """A short text that takes much to decode."""
    data = b"nothing of interest " * 60_000
    for _ in range(rounds):
        data = base64.b64encode(gzip.compress(data))
    return data.decode()


def test_a_short_body_that_takes_much_to_decode_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            assert world.rig.inspector is not None
            beside: list[object] = []
            begin = world.rig.inspector._begin

            def noted(job: Any) -> None:
                beside.append(job)
                begin(job)

            world.rig.inspector._begin = noted  # type: ignore[method-assign]
            ask(world, "openai", "a short one")
            assert (await world.client.got()).status == 200
            assert beside == []
            assert len(bomb()) < 8000
            ask(world, "openai", bomb())
            assert (await world.client.got()).status in (200, 403)
            assert len(beside) == 1

    run()


def test_an_inspection_that_is_given_up_ends_and_one_key_has_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @live
    async def run() -> None:
        ended = Semaphore(0)
        running: list[int] = [0, 0]

        def slowly(guard: Guard, sent: object, memory: object, ways: Any) -> None:
            running[0] += 1
            running[1] = max(running)
            try:
                while True:
                    ways.limit.look()
            finally:
                running[0] -= 1
                ended.release()

        async with guarded(tmp_path, patience=Seconds(0.1)) as world:
            monkeypatch.setattr(world.rig.inspector, "_say", lambda _: None)
            monkeypatch.setattr(inspecting, "ON_THE_LOOP", 0)
            monkeypatch.setattr(inspecting, "clear", slowly)
            clients = [await world.rig.connect() for _ in range(4)]
            for client in clients:
                client.ask()
            for client in clients:
                assert (await client.got()).status == 503
                client.writer.close()
            assert await asyncio.to_thread(ended.acquire, timeout=5)
            assert running[1] == 1

    run()


def test_a_guard_that_cannot_be_read_lets_nothing_pass(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:
            assert world.rig.inspector is not None
            world.rig.inspector.guard = None
            world.client.ask()
            assert (await world.client.got()).status == 503
            world.rig.inspector.close()
            world.rig.inspector = None
            world.client.ask()
            assert (await world.client.got()).status == 503
            assert world.seen == []

    run()


def test_what_cannot_be_taken_out_without_breaking_the_request_is_refused(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, rule("redact", "financial")) as world:
            body = b'{"model":"chat","messages":[{"role":"user","content":"hi"}],"seed":%b}'
            world.client.ask(body % CARD.replace(" ", "").encode())
            got = await world.client.got()
            assert got.status == 403, got.body
            assert world.seen == []

    run()


def test_an_error_of_the_source_is_inspected_too(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path) as world:

            async def answer(seen: Seen) -> None:
                await seen.say(
                    json_answer(
                        b'{"error":{"message":"no %b"}}' % SECRET.encode(), "400 Bad Request"
                    )
                )

            mock = await world.rig.upstream(answer)
            world.rig.board.use({"s0": Origin.of(source("s0", mock.url), None)})
            world.client.ask()
            got = await world.client.got()
            assert got.status == 400
            assert SECRET.encode() not in got.body
            assert b"may not come in" in got.body

    run()


def test_a_stream_of_completions_is_inspected(tmp_path: Path) -> None:
    @live
    async def run() -> None:
        async with guarded(tmp_path, rule("redact", "financial")) as world:

            async def answer(seen: Seen) -> None:
                parts = [
                    b'data: {"choices":[{"index":0,"text":%b}]}\n\n' % json.dumps(word).encode()
                    for word in ("It is 41", "11 1111 1111", " 1111", " ok")
                ]
                end = b'data: {"choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n'
                await seen.say(SSE, *map(chunk, (*parts, end, b"data: [DONE]\n\n")), LAST)

            mock = await world.rig.upstream(answer)
            world.rig.board.use({"s0": Origin.of(source("s0", mock.url), None)})
            body = b'{"model":"chat","prompt":"hi","stream":true}'
            world.client.ask(body, b"/v1/completions")
            got = await world.client.got()
            events = [it[6:] for it in got.body.decode().split("\n\n") if it.startswith("data: {")]
            text = "".join(json.loads(it)["choices"][0]["text"] for it in events)
            assert text == "It is [redacted:payment-card] ok"
            assert got.body.endswith(b"data: [DONE]\n\n")

    run()
