"""One queue, one limit and one budget over four workers: who comes first, and how far it goes."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from gateway_rig import BODY, DONE, LAST, SSE, Client, Seen, chunk, event, json_answer, live
from process_rig import Gate, Gateway, Terms
from workers_rig import COST, FOUR, STREAM, ask, live_is, request, spent, spread, until, workers


async def _waiting(gateway: Gateway, count: int) -> bool:
    _, answer = await gateway.admin("GET", "/status")
    dispatch: Any = answer["dispatch"]
    return dispatch["waiting"]["interactive"] == count


def _numbered(number: int) -> bytes:
    return b'{"model":"chat","max_tokens":3,"messages":[{"role":"user","content":"%d"}]}' % number


@live
async def test_who_came_first_is_served_first_whichever_worker_took_them_in(
    tmp_path: Path,
) -> None:
    gates: list[asyncio.Event] = []

    async def answer(seen: Seen) -> None:
        gates.append(asyncio.Event())
        await gates[-1].wait()
        await seen.say(json_answer(BODY))

    async with workers(tmp_path, answer, Terms(FOUR, source="slots = 1")) as (gateway, mock):
        clients = await spread(gateway, 4)
        # By turns through the workers, backwards, so that no worker's own order is the answer.
        clients = [clients[worker * 4 + turn] for turn in range(4) for worker in (3, 1, 2, 0)]
        for number, client in enumerate(clients):
            client.say(request(gateway, _numbered(number)))
            if number:
                await until(lambda number=number: _waiting(gateway, number))
            else:
                await until(lambda: gates)
        for number, client in enumerate(clients):
            await until(lambda number=number: len(gates) > number)
            assert _numbered(number)[30:] in mock.seen[number].body
            gates[number].set()
            assert (await client.got()).status == 200


@live
async def test_nobody_is_refused_while_the_limit_has_room_on_whichever_worker(
    tmp_path: Path,
) -> None:
    gate = Gate()
    terms = Terms(FOUR, tenant="limits = { concurrency = 8 }")
    async with workers(tmp_path, gate, terms) as (gateway, _):
        clients = await spread(gateway, 8)
        # Evenly, all at one worker, and by twos: the limit is one number, and nobody's share of it.
        for chosen in (clients[::4], clients[:8], clients[8:24:2], clients[24:]):
            for client in chosen:
                client.say(request(gateway, STREAM))
            heads = await asyncio.gather(*[client.head() for client in chosen])
            assert [head.status for head in heads] == [200] * 8
            gate.open.set()
            for client in chosen:
                assert (await client.chunks()).endswith(DONE)
            await until(lambda: live_is(gateway, 0))  # the accountant hears of it a moment later
            gate.open.clear()


@live
async def test_four_workers_never_admit_on_the_overdraft(tmp_path: Path) -> None:
    terms = Terms(FOUR, tenant='budget = { day = "0.001", overdraft = "0.005" }')

    async def answer(seen: Seen) -> None:
        await seen.say(json_answer(BODY))

    async with workers(tmp_path, answer, terms) as (gateway, mock):

        async def spend(client: Client) -> None:
            while (status := await ask(client, gateway)) == 200:
                pass
            assert status == 402

        clients = await spread(gateway, 6)
        await asyncio.gather(*map(spend, clients))
        for client in clients:
            await spend(client)
        await until(lambda: spent(gateway) == COST * len(mock.seen))
        assert 1000 * 1_000_000 - 30 * 1_000_000 < spent(gateway) <= 1000 * 1_000_000


@live
async def test_answers_that_outgrow_their_holds_share_one_overdraft_over_four_workers(
    tmp_path: Path,
) -> None:
    tokens, pause, streams = 20, 0.2, 8

    async def endless(seen: Seen) -> None:
        await seen.say(SSE)
        for _ in range(200):
            await seen.say(chunk(event("word " * tokens)))
            await asyncio.sleep(pause)
        await seen.say(chunk(DONE) + LAST)

    terms = Terms(FOUR, tenant='budget = { day = "0.004", overdraft = "0.002" }')
    body = STREAM.replace(b'"stream":true', b'"stream":true,"max_tokens":10')
    async with workers(tmp_path, endless, terms) as (gateway, _):
        clients = await spread(gateway, streams // 4)
        for client in clients:
            client.say(request(gateway, body))
            assert (await client.head()).status == 200
        for client in clients:
            said = await _to_the_end(client)
            assert b"budget_exhausted" in said
            assert b"[DONE]" not in said
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert gateway.settled() == {"failed": streams}
        bound = 6000 * 1_000_000
        # A stream tells once a second how long it is, so each may be ahead by what it then made.
        ahead = streams * int(2.0 / pause * tokens) * 2 * 1_000_000
        assert bound - ahead < spent(gateway) <= bound + ahead


async def _to_the_end(client: Client) -> bytes:
    async with asyncio.timeout(30):
        return await client.chunks()
