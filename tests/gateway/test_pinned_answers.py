"""An answer of another model than the locked one: refused, or told, on every path."""

import json
import time
from dataclasses import replace

import pytest
from dialect_sources import WAYS, say
from gateway_rig import DONE, LAST, SETTINGS, SSE, STOP, Rig, Seen, chunk, event, json_answer, live
from test_every_surface import ALL, PLAIN, Surface, ask

from tollway.dispatch import messages as m
from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.opening import Opening
from tollway.fleet.objects import KeyTerms
from tollway.fleet.parse import parse
from tollway.gateway.spoken import MOST_HELD
from tollway.gateway.upstream import Origin
from tollway.gateway.witness import MOST_UNNAMED
from tollway.pins.component import ModelApi
from tollway.pins.lock import Lock
from tollway.pins.serving import Pin, pins_of

every = pytest.mark.parametrize("surface", ALL, ids=lambda it: it.name)
whole_or_streamed = pytest.mark.parametrize("streamed", [False, True])

TEXT = """
version = 1
[pins]
mode = "{mode}"
[models.m]
[sources.a]
kind = "server"
url = "{a}"
dialects = ["{dialect}"]
[sources.a.serves.m]
upstream_model = "u-1"
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[sources.b]
kind = "server"
url = "{b}"
dialects = ["{dialect}"]
[sources.b.serves.m]
upstream_model = "u"
[routes.chat]
model = "m"
candidates = ["a"]
fallbacks = ["b"]
[tenants.t]
"""


class PinnedRig(Rig):
    """Two sources that answer as "u"; `locked` is what source a is locked as."""

    async def stand_up(self, surface: Surface, mode: str, locked: str) -> None:
        async def answer(seen: Seen) -> None:
            if surface.name in ("completions", "embeddings"):
                await seen.say(json_answer(b'{"model":"u",' + PLAIN[1:]))
            else:
                await say(seen, surface.spoken)

        a, b = await self.upstream(answer), await self.upstream(answer)
        text = TEXT.format(mode=mode, a=a.url, b=b.url, dialect=surface.spoken)
        self.fleet = parse({"f": text}, "f")
        now = time.monotonic()
        opening = Opening((KeyTerms("abcdefgh", "t"),), time.time() - now, ())
        self.board.decider = Dispatcher(self.fleet, opening, now)
        lock = Lock(component=(model("a/m", "u-1", locked), model("b/m", "u", "u")))
        origins = {name: Origin.of(one, None) for name, one in self.fleet.sources.items()}
        self.board.use(origins, pins_of(self.fleet, lock))


def model(name: str, version: str, answers: str) -> ModelApi:
    purl = "pkg:generic/m"
    return ModelApi(name=name, version=version, purl=purl, source=name[0], answers=(answers,))


@every
def test_the_locked_model_answers_as_ever(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with PinnedRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface, "enforce", "u")
            got = await ask(client, surface)
            assert (got.status, got.headers["x-tollway-source"]) == (200, "a")
            assert "x-tollway-pin" not in got.headers
            assert rig.watch.unpinned_words == []

    run()


@every
def test_another_model_is_refused_and_the_fallback_answers(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with PinnedRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface, "enforce", "other")
            got = await ask(client, surface)
            assert (got.status, got.headers["x-tollway-source"]) == (200, "b")
            assert rig.watch.unpinned_words == [('answers as "u", and "other" is locked', True)]
            await rig.until(lambda: bool(rig.books.settled))
            [settled] = rig.books.settled
            [failed] = settled.failed
            assert (failed.source, failed.kind) == ("a", "unpinned")
            # What came was paid for: whole answers say how much, streams were cut off before.
            assert (failed.cost or 0) > 0

    run()


@every
def test_another_model_is_told_where_it_is_only_flagged(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with PinnedRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface, "flag", "other")
            got = await ask(client, surface)
            assert (got.status, got.headers["x-tollway-source"]) == (200, "a")
            assert got.headers["x-tollway-pin"] == "mismatch"
            assert rig.watch.unpinned_words == [('answers as "u", and "other" is locked', False)]

    run()


PIN = Pin("a/m", frozenset({"u"}), frozenset(), True)


def pinned(rig: Rig, pin: Pin = PIN) -> None:
    rig.board.pins = {"chat": {("a", "m-up"): pin}}


def named(text: str, name: str = "u") -> bytes:
    return event(text).replace(b'{"id"', b'{"model":"%b","id"' % name.encode(), 1)


async def asked(rig: Rig, answer: bytes, streamed: bool) -> tuple[int, bytes]:
    async def say_it(seen: Seen) -> None:
        await seen.say(answer)

    rig.use(a=(await rig.upstream(say_it)).url)
    pinned(rig)
    async with rig.client() as client:
        client.stream() if streamed else client.ask()
        got = await client.got()
        return got.status, got.body


@whole_or_streamed
@live
async def test_an_answer_that_names_no_model_is_refused(streamed: bool) -> None:
    async with Rig() as rig:
        stream = SSE + chunk(event("a")) + chunk(event("b")) + chunk(STOP) + chunk(DONE) + LAST
        body = json_answer(b'{"choices":[{"message":{"content":"x"}}]}')
        status, said = await asked(rig, stream if streamed else body, streamed)
        assert (status, json.loads(said)["error"]["code"]) == (502, "no_source")
        assert rig.watch.unpinned_words == [("names no model", True)]
        [failed] = rig.decider.seen(m.Failed)
        assert isinstance(failed, m.Failed)
        assert (failed.kind, failed.usage.input > 0) == ("unpinned", True)


@live
async def test_nothing_goes_out_before_the_model_is_known_and_then_all_of_it_does() -> None:
    async with Rig() as rig:
        first = named("", "")  # as Azure begins: the name is empty, then comes the answer
        stream = first + named("a") + named("b") + STOP + DONE
        status, body = await asked(rig, SSE + chunk(stream) + LAST, streamed=True)
        assert (status, body) == (200, stream)


@live
async def test_a_stream_that_never_names_its_model_is_not_held_for_ever() -> None:
    async with Rig() as rig:
        endless = chunk(event("x" * 1000)) * (MOST_UNNAMED // 1000 + 2)
        status, _ = await asked(rig, SSE + endless, streamed=True)
        assert status == 502
        assert rig.watch.unpinned_words == [("names no model", True)]


@live
async def test_the_name_is_found_however_the_bytes_were_cut() -> None:
    stream = named("a") + STOP + DONE
    for cut in range(1, 60, 7):
        async with Rig() as rig:
            parts = chunk(stream[:cut]) + chunk(stream[cut:])
            assert await asked(rig, SSE + parts + LAST, streamed=True) == (200, stream)


@live
async def test_a_name_within_the_answers_text_is_no_name() -> None:
    async with Rig() as rig:
        liar = event('\\"model\\":\\"u\\"')
        status, _ = await asked(rig, SSE + chunk(liar) + chunk(DONE) + LAST, streamed=True)
        assert status == 502


@live
async def test_an_error_of_the_source_stays_its_error() -> None:
    for answer, streamed, kind in (
        (json_answer(b'{"error":{"message":"no"}}'), False, "error_event"),
        (json_answer(b'{"error":{"message":"no"}}', "503 Busy"), False, "status"),
        (SSE + chunk(b'data: {"error":{"message":"no"}}\n\n') + LAST, True, "error_event"),
        (json_answer(b"nonsense"), False, "malformed"),
    ):
        async with Rig() as rig:
            await asked(rig, answer, streamed)
            failed = rig.decider.seen(m.Failed)
            assert [it.kind for it in failed if isinstance(it, m.Failed)] == [kind]
            assert rig.watch.unpinned_words == []


@live
async def test_an_unstreamed_answer_that_is_too_long_to_hold_is_refused() -> None:
    async with Rig() as rig:
        long = b'{"model":"u","data":"' + b"x" * (2 * MOST_HELD) + b'"}'
        status, _ = await asked(rig, json_answer(long), streamed=False)
        assert status == 502


@live
async def test_the_fingerprint_is_held_against_the_lock_too() -> None:
    async with Rig() as rig:
        mock_answer = named("a").replace(b'"id"', b'"system_fingerprint":"fp_2","id"')

        async def say_it(seen: Seen) -> None:
            await seen.say(SSE, chunk(mock_answer), chunk(STOP), chunk(DONE) + LAST)

        rig.use(a=(await rig.upstream(say_it)).url)
        for locked, status in (("fp_1", 502), ("fp_2", 200)):
            pinned(rig, replace(PIN, fingerprints=frozenset({locked})))
            async with rig.client() as client:
                client.stream()
                assert (await client.got()).status == status


def test_every_dialect_is_among_the_paths() -> None:
    assert {it.spoken for it in ALL} == set(WAYS)
