"""What holds on one path holds on all of them: key, routes, limits, budget, price.

Rules
1. A path that is added to the gateway and not to this list fails the last test.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from dialect_sources import WAYS, say
from gateway_rig import SETTINGS, Client, Got, Rig, Seen, json_answer, live

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.opening import Opening
from tollway.fleet.objects import Budget, Dialect, KeyTerms, Limits
from tollway.fleet.parse import parse
from tollway.gateway.surfaces import SURFACES, surface_of
from tollway.gateway.upstream import Origin
from tollway.units import PicoDollars

TEXT = """
version = 1
[models.m]
reserve_output = 50
[sources.a]
kind = "server"
url = "{url}"
dialects = ["{dialect}"]
[sources.a.serves.m]
prices = [{{ since = 2025-01-01, input = "1", output = "2" }}]
[routes.chat]
model = "m"
[routes.closed]
model = "m"
[tenants.t]
routes = ["chat"]
{limits}
"""
COST = 11 * 1_000_000 + 5 * 2_000_000
"""Pico-dollars of what the sources say that they used."""


@dataclass(frozen=True)
class Surface:
    """A path, the dialect of the source that answers it, and a body that asks it."""

    name: str
    path: bytes
    body: dict[str, Any]
    spoken: Dialect

    def asks(self, model: str) -> tuple[bytes, bytes]:
        path = self.path.replace(b"/chat:", b"/%b:" % model.encode())
        body = {**self.body, "model": model} if "model" in self.body else self.body
        return path, json.dumps(body).encode()


def _all() -> list[Surface]:
    made: list[Surface] = []
    for client, way in WAYS.items():
        for spoken in WAYS:
            for stream in (False, True):
                path, body = way.ask(stream)
                kind = "streamed" if stream else "whole"
                made.append(Surface(f"{client}-{kind}-{spoken}", path, json.loads(body), spoken))
    plain = {"model": "chat", "prompt": "hello"}
    made.append(Surface("completions", b"/v1/completions", plain, "openai"))
    made.append(
        Surface("embeddings", b"/v1/embeddings", {"model": "chat", "input": "hello"}, "openai")
    )
    return made


ALL = _all()
every = pytest.mark.parametrize("surface", ALL, ids=lambda it: it.name)
PLAIN = (
    b'{"object":"list","data":[],"choices":[],'
    b'"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}'
)


class SurfaceRig(Rig):
    """One source behind the real dispatcher, for a key with these terms."""

    async def stand_up(
        self,
        surface: Surface,
        limits: Limits | None = None,
        budget: Budget | None = None,
        tenant: str = "",
    ) -> None:
        async def answer(seen: Seen) -> None:
            if surface.name in ("completions", "embeddings"):
                await seen.say(json_answer(PLAIN))
            else:
                await say(seen, surface.spoken)

        mock = await self.upstream(answer)
        text = TEXT.format(url=mock.url, dialect=surface.spoken, limits=tenant)
        self.fleet = parse({"f": text}, "f")
        now = time.monotonic()
        terms = KeyTerms("abcdefgh", "t", limits or Limits(), budget or Budget())
        self.board.decider = Dispatcher(self.fleet, Opening((terms,), time.time() - now, ()), now)
        self.board.use({name: Origin.of(one, None) for name, one in self.fleet.sources.items()})


async def ask(client: Client, surface: Surface, model: str = "chat") -> Got:
    path, body = surface.asks(model)
    client.ask(body, path)
    return await client.got()


def code_of(got: Got) -> str:
    """The words of an error, whatever its shape."""
    return json.dumps(json.loads(got.body)["error"])


@every
def test_what_was_used_is_booked_at_its_price(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface)
            assert (await ask(client, surface)).status == 200
            await rig.until(lambda: bool(rig.books.settled))
            [settled] = rig.books.settled
            assert (settled.outcome, settled.cost) == ("completed", COST)
            assert (settled.usage.input, settled.usage.output) == (11, 5)

    run()


@every
def test_a_limit_of_requests_holds(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface, Limits(requests_per_minute=2))
            told = [await ask(client, surface) for _ in range(3)]
            assert [got.status for got in told] == [200, 200, 429]
            assert int(told[2].headers["retry-after"]) >= 1
            assert "requests a minute" in code_of(told[2])

    run()


@every
def test_a_limit_of_tokens_holds_for_the_tenant_too(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface, tenant="limits = { tokens_per_minute = 1 }")
            got = await ask(client, surface)
            assert got.status == 429
            assert "tokens" in code_of(got)

    run()


@every
def test_a_budget_holds(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            most = Budget(day=PicoDollars(COST * 20))
            await rig.stand_up(surface, budget=most)
            statuses: list[int] = []
            for _ in range(40):
                statuses.append((await ask(client, surface)).status)
                if statuses[-1] != 200:
                    break
            assert statuses[-1] == 402
            spent = sum(settled.cost for settled in rig.books.settled)
            assert 0 < spent <= COST * 20

    run()


@every
def test_a_route_that_a_tenant_may_not_use_is_not_there(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface)
            assert (await ask(client, surface, "closed")).status == 404
            assert (await ask(client, surface, "nowhere")).status == 404

    run()


@every
def test_without_a_key_nothing_is_asked(surface: Surface) -> None:
    @live
    async def run() -> None:
        async with SurfaceRig(SETTINGS) as rig, rig.client() as client:
            await rig.stand_up(surface)
            path, body = surface.asks("chat")
            client.say(
                b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tw_abcdefgh_%b\r\n"
                b"content-length: %d\r\n\r\n%b" % (path, b"x" * 32, len(body), body)
            )
            assert (await client.got()).status == 401
            assert not rig.books.settled

    run()


def test_every_path_that_asks_a_model_is_among_these() -> None:
    tested = {surface.path.partition(b"?")[0] for surface in ALL}
    for path in tested:
        assert surface_of(path) is not None
    assert {path for path, surface in SURFACES.items() if not surface.counts} <= tested
