"""One request's life, with raw upstreams that do what upstreams do."""

import json

from gateway_rig import (
    BODY,
    DONE,
    STOP,
    Rig,
    event,
    good_body,
    good_stream,
    live,
)

from tollway.dispatch import messages as m


@live
async def test_an_answer_is_relayed_whole() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(good_body)
        rig.use(a=mock.url)
        client.ask()
        got = await client.got()
        assert (got.status, got.body) == (200, BODY)
        assert got.headers["x-tollway-source"] == "a"
        assert got.headers["x-tollway-model"] == "m-up"
        assert got.headers["x-tollway-attempts"] == "1"
        assert json.loads(mock.seen[0].body)["model"] == "m-up"
        [done] = rig.decider.seen(m.Finished)
        assert isinstance(done, m.Finished)
        assert (done.usage.input, done.usage.output, done.usage.estimated) == (7, 3, False)


@live
async def test_a_stream_is_relayed_byte_for_byte() -> None:
    async with Rig() as rig, rig.client() as client:
        rig.use(a=(await rig.upstream(good_stream)).url)
        client.stream()
        got = await client.got()
        assert got.body == event("a") + event("b") + STOP + DONE
        assert rig.decider.seen(m.Content)
        assert rig.decider.seen(m.Finished)


@live
async def test_upstream_connections_are_reused() -> None:
    async with Rig() as rig, rig.client() as client:
        body, stream = await rig.upstream(good_body), await rig.upstream(good_stream)
        rig.use(a=body.url)
        for _ in range(5):
            client.ask()
            await client.got()
        assert (len(body.seen), body.connections) == (5, 1)
        rig.use(a=stream.url)
        for _ in range(5):
            client.stream()
            await client.got()
        assert (len(stream.seen), stream.connections) == (5, 1)
