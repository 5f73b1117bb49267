"""A source's credential reaches that source and nobody else, whatever the source does with it."""

import json

import pytest
from gateway_rig import SSE, Rig, Seen, chunk, json_answer, live, source

from tollway.dispatch import messages as m
from tollway.gateway.upstream import Origin

SECRET = "sk-upstream-0123456789"


def repeated(seen: Seen) -> bytes:
    """What a careless source may say: the request's own authorization line."""
    lines = seen.head.split(b"\r\n")
    [line] = [line for line in lines if line.lower().startswith(b"authorization")]
    return line


async def use(rig: Rig, url: str) -> None:
    rig.board.use({"a": Origin.of(source("a", url), SECRET)})


@live
@pytest.mark.parametrize("status", ["400 No", "401 No", "403 No", "422 No", "429 No", "500 No"])
async def test_an_error_that_repeats_the_credential_is_passed_on_without_it(status: str) -> None:
    async def answer(seen: Seen) -> None:
        error = {"error": {"message": f"no such key: {repeated(seen).decode()}"}}
        extra = b"x-request-id: 1\r\nwww-authenticate: %b\r\n" % repeated(seen)
        await seen.say(json_answer(json.dumps(error).encode(), status, extra))

    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(answer)
        await use(rig, mock.url)
        client.ask()
        got = await client.got()
        assert SECRET.encode() in mock.seen[0].head, "the source itself has it"
        assert SECRET not in f"{got.headers} {got.body.decode()}"
        assert SECRET not in repr(rig.decider.events)
        if status.startswith("4") and status[:3] in ("400", "422"):
            assert b"no such key: " in got.body, "the rest of the error is passed on"


@live
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_in_a_good_answer_is_recorded_without_the_credential(stream: bool) -> None:
    async def answer(seen: Seen) -> None:
        error = json.dumps({"error": {"message": repeated(seen).decode()}}).encode()
        if stream:
            await seen.say(SSE, chunk(b"data: " + error + b"\n\n"))
        else:
            await seen.say(json_answer(error))

    async with Rig() as rig, rig.client() as client:
        await use(rig, (await rig.upstream(answer)).url)
        client.stream() if stream else client.ask()
        got = await client.got()
        [failed] = rig.decider.seen(m.Failed)
        assert isinstance(failed, m.Failed)
        assert "Bearer [credential]" in failed.detail
        assert SECRET not in f"{got.headers} {got.body.decode()} {failed}"


@live
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_the_credential_nowhere(status: int) -> None:
    async with Rig() as rig, rig.client() as client:
        elsewhere = await rig.upstream(lambda seen: seen.say(json_answer(b"{}")))

        async def answer(seen: Seen) -> None:
            to = elsewhere.url.encode()
            await seen.say(json_answer(b"", f"{status} Go", b"location: %b\r\n" % to))

        await use(rig, (await rig.upstream(answer)).url)
        client.ask()
        got = await client.got()
        assert (got.status, "location" in got.headers) == (502, False)
        assert elsewhere.connections == 0


@live
async def test_a_clients_own_headers_never_reach_a_source() -> None:
    async with Rig() as rig, rig.client() as client:
        mock = await rig.upstream(lambda seen: seen.say(json_answer(b"{}")))
        await use(rig, mock.url)
        client.ask(extra=b"cookie: a=b\r\nopenai-organization: o\r\nx-forwarded-host: evil\r\n")
        await client.got()
        head = mock.seen[0].head.lower()
        assert b"tw_" not in head
        assert not [name for name in (b"cookie", b"openai-org", b"evil") if name in head]
