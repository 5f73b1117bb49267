"""A task's own way to models, as an attacker in a sandbox has it: a raw socket."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from door_rig import (
    CHAT,
    SMALL,
    STREAM,
    add_key,
    booked,
    close_task,
    cost_of,
    door_of,
    get,
    message,
    open_task,
    post,
    refused,
    revoke,
    told,
)
from gateway_rig import BODY, good_body, live
from process_rig import HELD, Gate, Terms, running
from workers_rig import COST, TWO, accountant, until, workers

from tollway.errors import TollwayError
from tollway.gateway.doors import MODELS_SOCKET, open_door
from tollway.ledger.keys import key_id

IDENTITIES = (
    b"",
    b"authorization: Bearer %b\n",
    b"x-api-key: %b\n",
    b"x-goog-api-key: %b\n",
    b"Authorization: Basic %b\n",
    b"x-tollway-tag: mine\nAuthorization: Bearer %b\n",
    b"X-Tollway-Tag: not a tag!\nx-tollway-only: b:m\nx-api-key: %b\n",
    b"authorization: Bearer %b\nx-api-key: another\nx-goog-api-key: a third\n",
    b"forwarded: for=%b\nx-forwarded-for: 127.0.0.1\nx-real-ip: 127.0.0.1\n",
)


@live
async def test_every_request_is_the_tasks_whatever_its_head_says(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, mock):
        other = add_key(gateway)
        await asyncio.sleep(0)
        async with door_of(gateway) as way:
            assert way.path.stat().st_mode & 0o777 == 0o600
            kept = await way.client()
            for line in IDENTITIES:
                extra = line % other.encode() if b"%b" in line else line
                assert await way.ask(post(extra=extra), SMALL) == (200, BODY)
                kept.say(message(post(extra=extra), SMALL))
                assert (await kept.got()).body == BODY
            count = 2 * len(IDENTITIES)
            mine = (key_id(gateway.key), f"task:{way.task}", "completed")
            await until(lambda: booked(gateway) == {mine: count})
            assert cost_of(gateway, f"task:{way.task}") == count * COST
            client = await gateway.connect()  # the control: over TCP a head says whose it is
            said = b"authorization: Bearer %b\nx-tollway-tag: mine\n" % other.encode()
            client.say(message(post(extra=said), SMALL))
            assert (await client.got()).status == 200
            await until(lambda: (key_id(other), "mine", "completed") in booked(gateway))
            for seen in mock.seen:
                assert other.encode() not in seen.head
                assert b"authorization: Bearer upstream-secret" in seen.head
                assert b"task:" not in seen.head


@live
async def test_a_head_that_names_two_askers_at_once_is_nobodys(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, mock), door_of(gateway) as way:
        twice = b"authorization: Bearer a\nauthorization: Bearer b\n"
        assert (await way.ask(post(extra=twice), SMALL))[0] == 400
        assert not mock.seen


@live
async def test_pipelined_requests_are_all_the_tasks(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _), door_of(gateway) as way:
        other = add_key(gateway).encode()
        client = await way.client()
        client.say(
            message(post(), SMALL)
            + message(post(extra=b"authorization: Bearer %b\n" % other), SMALL)
            + message(get(b"/metrics"))
            + message(post(), SMALL)
        )
        assert [(await client.got()).status for _ in range(4)] == [200, 200, 404, 200]
        mine = (key_id(gateway.key), f"task:{way.task}", "completed")
        await until(lambda: booked(gateway) == {mine: 3})


@live
async def test_what_may_be_looked_up_is_as_with_the_key(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _), door_of(gateway) as way:
        status, models = await way.ask(get(b"/v1/models"))
        assert (status, [it["id"] for it in json.loads(models)["data"]]) == (200, ["chat", "m"])
        assert (await way.ask(get(b"/v1/models/chat")))[0] == 200
        assert b'"models"' in (await way.ask(get(b"/v1/models", b"x-goog-api-key: x\n")))[1]
        assert (await way.ask(get(b"/v1beta/models")))[0] == 200
        status, count = await way.ask(post(b"/v1/messages/count_tokens"), SMALL)
        assert (status, "input_tokens" in json.loads(count)) == (200, True)
        said = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
        assert (await way.ask(post(b"/v1beta/models/chat:countTokens"), said))[0] == 200
        assert (await way.ask(b"OPTIONS /v1/models HTTP/1.1\n"))[0] == 204


@live
async def test_a_task_sees_its_own_usage_and_no_other_tasks(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _), door_of(gateway) as way:
        async with door_of(gateway) as other:
            assert (await other.ask(post(), SMALL))[0] == 200
            await until(lambda: cost_of(gateway, f"task:{other.task}") == COST)
        for query in (b"", b"?tag=task:%b" % other.task.encode(), b"?tag=x"):
            status, usage = await way.ask(get(b"/v1/usage" + query))
            assert (status, b'"requests":0' in usage.replace(b" ", b"")) == (200, True), usage


ELSEWHERE = (
    b"/metrics", b"/healthz", b"/readyz", b"/status", b"/reload", b"/shutdown", b"/drill",
    b"/drill/end", b"/approvals", b"/admin", b"/", b"//metrics", b"/./metrics", b"/v1/../metrics",
    b"/metrics?a=b", b"/%6detrics", b"/metrics/", b"/METRICS",
)  # fmt: skip
REFUSED = (
    b"http://127.0.0.1:4000/v1/models", b"http://169.254.169.254/", b"*", b"metrics", b"",
)  # fmt: skip


@live
async def test_nothing_else_is_served_over_a_door(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _), door_of(gateway) as way:
        for path in ELSEWHERE:
            for method in (b"GET", b"POST", b"HEAD", b"OPTIONS"):
                client = await way.client()
                client.say(message(b"%b %b HTTP/1.1\n" % (method, path)))
                head = await client.head()
                assert head.status in (404, 405), (method, path)
                assert head.status == 404 or path not in (b"/metrics", b"/healthz", b"/readyz")
                client.writer.close()
        for path in REFUSED:
            assert (await way.ask(get(path)))[0] == 400, path
        for head in (b"CONNECT 127.0.0.1:22 HTTP/1.1\n", get(b"/v1/models", b"upgrade: h2c\n")):
            client = await way.client()
            client.say(message(head.replace(b"upgrade", b"connection: upgrade\nupgrade")))
            assert (await client.head()).status == 400, head
        for path in ("/metrics", "/healthz", "/readyz"):
            assert await gateway.get(path) == 200, "the control: over TCP it is there"
        assert (await gateway.admin("GET", "/status"))[0] == 200


SMUGGLED = (
    b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
    b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    b"content-length: +5\r\n\r\nabcde",
    b" folded: yes\r\n\r\n",
    b"x: a\nGET /metrics HTTP/1.1\r\n\r\n",
    b"x: a\0b\r\n\r\n",
)


@live
async def test_what_two_readers_would_read_differently_is_refused_and_closed(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, good_body) as (gateway, mock), door_of(gateway) as way:
        for lines in SMUGGLED:
            client = await way.client()
            client.say(b"POST %b HTTP/1.1\r\nhost: x\r\n%b" % (CHAT, lines))
            assert (await client.head()).status == 400, lines
            rest = await client.closed()
            assert b"HTTP/1.1 " not in rest, lines
        assert not mock.seen


@live
async def test_all_ends_within_a_second_when_the_task_is_closed(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, mock), door_of(gateway) as way:
        idle, streaming = await way.client(), await way.client()
        idle.say(message(get(b"/v1/models")))
        assert (await idle.got()).status == 200
        streaming.say(message(post(), STREAM))
        assert (await streaming.head()).status == 200
        begun = time.monotonic()
        close_task(gateway, way.task)
        await idle.closed()
        assert b"[DONE]" not in await streaming.closed()
        await asyncio.wait_for(way.door.gone(), 5)
        assert time.monotonic() - begun < 1
        assert not way.path.exists()
        gate.open.set()
        await until(lambda: mock.gone == 1)
        mine = (key_id(gateway.key), f"task:{way.task}", "cancelled")
        await until(lambda: booked(gateway) == {mine: 1})
        assert "no task" in await refused(gateway, way.task)


ASKER = """
import asyncio, sys
from pathlib import Path
from tollway.gateway.doors import open_door
async def main():
    async with open_door(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])):
        print("open", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@live
async def test_a_stream_ends_with_the_asker_that_is_killed(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, mock):
        task, path = open_task(gateway), tmp_path / "door"
        asker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKER, str(tmp_path / MODELS_SOCKET), task, str(path),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert asker.stdout is not None
        assert await asker.stdout.readline() == b"open\n"
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(message(post(), STREAM))
        await until(lambda: mock.seen)
        asker.kill()
        await asker.wait()
        await until(lambda: path.name not in os.listdir(tmp_path), 1)
        gate.open.set()
        await until(lambda: mock.gone == 1)
        mine = (key_id(gateway.key), f"task:{task}", "cancelled")
        await until(lambda: booked(gateway) == {mine: 1})
        writer.close()


@live
async def test_a_key_that_is_revoked_opens_nothing_more(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, mock):
        key = add_key(gateway)
        async with door_of(gateway, open_task(gateway, key_id(key))) as way:
            client = await way.client()
            for _ in range(3):  # the same head again and again is not parsed again
                client.say(message(post(), SMALL))
                assert (await client.got()).status == 200
            revoke(gateway, key)

            async def is_refused() -> bool:
                client.say(message(post(), SMALL))
                return (await client.got()).status == 401

            await until(is_refused, 3)
            seen = len(mock.seen)
            assert (await way.ask(post(), SMALL))[0] == 401
            assert (await way.ask(get(b"/v1/models")))[0] == 401
            assert len(mock.seen) == seen
        assert "revoked or expired" in await refused(gateway, way.task)


@live
async def test_a_door_is_for_a_task_with_a_key_of_its_own_tenant(tmp_path: Path) -> None:
    terms = Terms(tenant="[tenants.other]")
    async with running(tmp_path, good_body, terms=terms) as (gateway, _):
        told = await refused(gateway, open_task(gateway, key=""))
        assert "has no key" in told
        assert "tollway tasks open --tenant t --key ID" in told
        theirs = add_key(gateway, "other")
        assert "none of tenant t's" in await refused(gateway, open_task(gateway, key_id(theirs)))
        assert "none of tenant t's" in await refused(gateway, open_task(gateway, "nosuchid"))
        whole = await refused(gateway, open_task(gateway, theirs))
        assert "none of tenant t's" in whole
        assert theirs not in whole
        expired = add_key(gateway, expires=time.time() - 1)
        assert "expired" in await refused(gateway, open_task(gateway, key_id(expired)))
        assert "has no tools" in await refused(gateway, open_task(gateway), ("a/b",))
        async with door_of(gateway, open_task(gateway, key_id(theirs), "other")) as way:
            assert (await way.ask(post(), SMALL))[0] == 200


@live
async def test_a_key_that_expires_while_the_door_is_open_is_none(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, _):
        key = add_key(gateway, expires=time.time() + 1.5)
        async with door_of(gateway, open_task(gateway, key_id(key))) as way:
            client = await way.client()
            client.say(message(post(), SMALL))
            assert (await client.got()).status == 200

            async def is_refused() -> bool:
                client.say(message(post(), SMALL))
                return (await client.got()).status == 401

            await until(is_refused, 3)


@live
async def test_a_budget_is_the_same_over_the_door_and_with_the_key(tmp_path: Path) -> None:
    terms = Terms(tenant='budget = { day = "0.00005" }')
    async with (
        running(tmp_path, good_body, terms=terms) as (gateway, mock),
        door_of(gateway) as way,
    ):
        answers = [await way.ask(post(), SMALL) for _ in range(6)]
        statuses = [status for status, _ in answers]
        assert statuses[0] == 200
        assert statuses[-1] == 402
        assert b"budget" in answers[-1][1]
        with_key = await gateway.asking()
        got = await with_key.got()
        assert (got.status, b"budget" in got.body) == (402, True)
        assert len(mock.seen) == statuses.count(200)


@live
async def test_the_guard_reads_what_goes_over_a_door_and_says_whose_it_was(
    tmp_path: Path,
) -> None:
    terms = Terms(tenant='[guard]\nterms = ["Falcon"]')
    async with (
        running(tmp_path, good_body, terms=terms) as (gateway, mock),
        door_of(gateway) as way,
    ):
        leak = SMALL.replace(b'"hi"', b'"project Falcon"')
        status, body = await way.ask(post(), leak)
        assert (status, b"guard_blocked" in body) == (403, True)
        assert (await way.ask(post(), SMALL))[0] == 200
        assert len(mock.seen) == 1
        await until(lambda: told(gateway) == [(way.task, "denied")])


@live
async def test_a_reload_keeps_doors(tmp_path: Path) -> None:
    async with running(tmp_path, good_body) as (gateway, mock), door_of(gateway) as way:
        client = await way.client()
        client.say(message(post(), SMALL))
        assert (await client.got()).status == 200
        gateway.path.write_text(gateway.path.read_text().replace("[routes.chat]", "[routes.talk]"))
        assert await gateway.admin("POST", "/reload") == (200, HELD)
        client.say(message(post(), SMALL))
        assert (await client.got()).status == 404
        talk = SMALL.replace(b"chat", b"talk")
        client.say(message(post(), talk))
        assert (await client.got()).status == 200
        assert (await way.ask(post(), talk))[0] == 200
        assert len(mock.seen) == 3


@live
async def test_a_gateway_that_ends_lets_streams_end_and_leaves_no_socket(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, gate) as (gateway, _):
        async with door_of(gateway) as way:
            client = await way.client()
            client.say(message(post(), STREAM))
            assert (await client.head()).status == 200
            gateway.signal(signal.SIGTERM)
            await gateway.logged("stopping: 1 requests")
            assert (await way.ask(post(), SMALL))[0] == 503
            assert "is stopping" in await refused(gateway, way.task)
            gate.open.set()
            assert b"[DONE]" in await client.chunks()
            assert await gateway.ended() == 0
            await asyncio.wait_for(way.door.gone(), 5)
        left = os.listdir(tmp_path)
        assert way.path.name not in left
        assert MODELS_SOCKET not in left
        with pytest.raises(TollwayError, match="Start the gateway"):
            async with open_door(tmp_path / MODELS_SOCKET, way.task, way.path):
                pass


@live
async def test_what_one_task_does_keeps_no_other_client_out(tmp_path: Path) -> None:
    terms = Terms(gateway='header_timeout = "500ms"\nmax_body = "64KiB"')
    async with running(tmp_path, good_body, terms=terms) as (gateway, _), door_of(gateway) as way:
        slow = await way.client()
        slow.say(b"POST /v1/chat")
        bodies = [await way.client() for _ in range(5)]
        for client in bodies:
            client.say(
                b"%bcontent-length: 60000\r\n\r\n" % post().replace(b"\n", b"\r\nhost: x\r\n")
            )
            client.say(b"x" * 55_000)
        held = [asyncio.ensure_future(client.got()) for client in bodies]
        done, _ = await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        [first] = done
        assert (first.result().status, b"too_many_bodies" in first.result().body) == (503, True)
        assert (await slow.got()).status == 408
        for one in held:
            one.cancel()
        for _ in range(1500):
            try:
                _, writer = await asyncio.open_unix_connection(str(way.path))
            except OSError:
                continue
            gateway.clients.append(type(slow)(_, writer))
        begun = time.monotonic()
        client = await gateway.asking()
        assert (await client.got()).status == 200
        assert time.monotonic() - begun < 2
        async with door_of(gateway) as other:
            assert (await other.ask(post(), SMALL))[0] == 200
        assert gateway.process is not None
        assert len(os.listdir(f"/proc/{gateway.process.pid}/fd")) < 220


@live
async def test_with_workers_a_door_leads_to_the_one_that_decides(tmp_path: Path) -> None:
    async with workers(tmp_path, good_body, Terms(TWO)) as (gateway, _):
        async with door_of(gateway) as way:
            assert await way.ask(post(), SMALL) == (200, BODY)
            assert (await way.ask(get(b"/v1/models")))[0] == 200
            await until(lambda: cost_of(gateway, f"task:{way.task}") == COST)
            os.kill(accountant(gateway), signal.SIGKILL)
            await asyncio.wait_for(way.door.gone(), 5)
        await gateway.logged("the accountant (process")

        async def opens() -> bool:
            try:
                async with door_of(gateway, way.task) as again:
                    return (await again.ask(post(), SMALL))[0] == 200
            except TollwayError:
                return False

        await until(opens)
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert MODELS_SOCKET not in os.listdir(tmp_path)
