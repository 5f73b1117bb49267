"""What a client's fault comes to in the books."""

import asyncio
import json
from pathlib import Path
from types import MappingProxyType

from fault_rig import FaultRig, cost
from gateway_rig import DONE, KEY, LAST, SSE, Rig, Seen, chunk, event, good_stream, live

from tollway.dispatch.messages import ClockSet
from tollway.gateway.house import House
from tollway.gateway.loading import Loaded
from tollway.gateway.log import Log
from tollway.gateway.switchboard import Switchboard
from tollway.gateway.watch import Watch


@live
async def test_an_unknown_model_is_refused_and_nothing_is_reserved() -> None:
    async with FaultRig() as rig, rig.client() as client:
        mock = await rig.upstream(good_stream)
        await rig.stand_up(mock.url)
        client.ask(b'{"model":"no-such","messages":[{"role":"user","content":"hi"}]}')
        got = await client.got()
        assert (got.status, json.loads(got.body)["error"]["code"]) == (404, "model_not_found")
        assert rig.books.settled == []
        assert mock.seen == []
        client.stream()  # the connection is kept
        assert (await client.got()).body.endswith(DONE)


@live
async def test_a_client_that_leaves_mid_stream_pays_for_what_it_got_and_no_more() -> None:
    left = asyncio.Event()

    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")), chunk(event("b")), chunk(event("c")))
        assert await seen.reader.read(1) == b""
        left.set()

    async with FaultRig() as rig, rig.client() as client, rig.client() as other:
        await rig.stand_up((await rig.upstream(answer)).url)
        client.stream()
        await client.head()
        await client.reader.readuntil(event("c"))
        client.writer.close()
        await asyncio.wait_for(left.wait(), 1.0)  # the source is told at once
        settled = await rig.settlement()
        assert (settled.outcome, settled.code) == ("cancelled", "client_left")
        assert (settled.source, settled.failed) == ("a", ())
        assert settled.usage.output == 3
        assert settled.cost == cost(settled, 1, 2) > 0
        # It says nothing about the source: the next one is sent there.
        other.stream()
        assert (await other.head()).headers["x-tollway-source"] == "a"


@live
async def test_a_key_that_is_revoked_during_its_stream_gets_the_rest_and_nothing_after() -> None:
    gate = asyncio.Event()

    async def answer(seen: Seen) -> None:
        await seen.say(SSE, chunk(event("a")))
        await gate.wait()
        await seen.say(chunk(DONE) + LAST)

    async with FaultRig() as rig, rig.client() as client:
        await rig.stand_up((await rig.upstream(answer)).url)
        client.stream()
        await client.head()
        rig.find_key = lambda claim: None  # type: ignore[method-assign]
        gate.set()
        assert (await client.chunks()).endswith(DONE)
        assert (await rig.settlement()).outcome == "completed"
        client.stream()
        got = await client.got()
        assert (got.status, KEY in got.body) == (401, False)
        assert rig.books.settled == []


class _Nobody:
    """A ledger's writer, key ring and recorder that have nothing to say."""

    down = None
    pending = 0

    def changed(self) -> bool:
        return False


@live
async def test_a_step_of_the_wall_clock_is_told_to_dispatch_and_moves_no_timeout() -> None:
    async with Rig() as rig:
        utc = [1_790_000_000.0]
        clock = [5.0]
        board = Switchboard(
            rig.decider, rig.books, rig.watch, rig.loop, lambda: clock[0], lambda: utc[0]
        )
        log = Log(lambda: utc[0])
        loaded = Loaded(Path("f"), rig.fleet, {}, "f", MappingProxyType({}), Path("state"))
        nobody = _Nobody()
        house = House(loaded, board, Watch(log), nobody, nobody, Path("l"))  # type: ignore[arg-type]
        house._look_at_clock()
        assert rig.decider.seen(ClockSet) == []
        clock[0] += 10.0
        utc[0] += 10.0 - 3600.0  # set back by an hour
        house._look_at_clock()
        clock[0] += 1.0
        utc[0] += 1.5  # drift is no step
        house._look_at_clock()
        [told] = rig.decider.seen(ClockSet)
        assert isinstance(told, ClockSet)
        assert told.utc_offset == 1_790_000_000.0 - 5.0 - 3600.0
