"""The proxy from end to end: what passes, for whom, and what is written down."""

import asyncio
import ssl
import time
from pathlib import Path

import pytest
from egress_rig import HOST, OTHER, Client, Rig, Seen, answer, echo

from tollway.fleet.egressing import EgressRule


async def test_a_request_passes_through_a_tunnel(tmp_path: Path) -> None:
    async with Rig(tmp_path, handler=echo) as rig:
        got = await rig.ask("/a/b?c=d", more="X-One: 1\nCookie: a=b\n")
        assert got.status == 200
        assert got.body.startswith(b"GET /a/b?c=d HTTP/1.1\r\n")
        assert b"X-One: 1\r\nCookie: a=b" in got.body
        assert b"roxy" not in got.body
        [row] = await rig.rows()
        assert (row.host, row.method, row.path, row.status) == (HOST, "GET", "/a/b", 200)
        assert (row.outcome, row.rule, row.address) == ("allowed", "all", "127.0.0.1")
        assert row.received > len(got.body)
        assert row.sent > 50


async def test_plain_requests_pass_in_absolute_form(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        plain = await rig.another(echo, tls=False)
        rule = EgressRule("plain", (HOST,), ports=(plain.port,), plain=True)
        rig.proxy.use(_with_rules(rig, rule))
        client = await rig.client()
        where = f"{HOST}:{plain.port}"
        head = f"GET http://{where}/x?y HTTP/1.1\nHost: {where}\n{rig.authorization()}"
        for _ in range(2):
            got = await client.ask(head)
            assert (got.status, got.body[:17]) == (200, b"GET /x?y HTTP/1.1")
        assert plain.connections == 1, "the connection is kept"
        client.close()


def _with_rules(rig: Rig, *rules: EgressRule):
    from dataclasses import replace

    return replace(rig.means, settings=replace(rig.means.settings, rules=rules))


async def test_several_requests_share_a_tunnel_and_a_connection(tmp_path: Path) -> None:
    async with Rig(tmp_path, handler=echo) as rig:
        client = await rig.tunnel()
        for index in range(3):
            got = await client.ask(rig.request(f"/{index}", "POST", "Content-Length: 3\n"), b"abc")
            assert got.body.endswith(b"\r\n\r\nabc")
        assert rig.host.connections == 1
        client.close()


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    async with Rig(tmp_path, handler=echo) as rig:
        client = await rig.tunnel()
        requests = [rig.request(f"/{index}").replace("\n", "\r\n") + "\r\n" for index in range(3)]
        await client.send("".join(requests).encode())
        for index in range(3):
            assert (await client.got()).body.startswith(b"GET /%d " % index)
        client.close()


async def test_chunked_answers_are_streamed_as_they_come(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def stream(seen: Seen) -> None:
        await seen.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await go_on.wait()
        await seen.say(b"4\r\nlast\r\n0\r\ntrailer: x\r\n\r\n")

    async with Rig(tmp_path, handler=stream) as rig:
        client = await rig.tunnel()
        await client.send(rig.request().replace("\n", "\r\n").encode() + b"\r\n")
        head = await client.reader.readuntil(b"first\r\n")
        assert b"transfer-encoding: chunked" in head
        go_on.set()
        assert await client.reader.readuntil(b"0\r\n\r\n") == b"4\r\nlast\r\n0\r\n\r\n"
        client.close()


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 12\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", b""),
    ],
)
async def test_answers_without_a_body_and_interim_ones_pass(
    tmp_path: Path, said: bytes, body: bytes
) -> None:
    async with Rig(tmp_path, handler=lambda seen: seen.say(said)) as rig:
        client = await rig.tunnel()
        for _ in range(2):
            got = await client.ask(rig.request())
            assert got.status in (200, 204, 304, 404)
            assert got.body == body
        client.close()


async def test_an_answer_until_the_end_of_its_connection_ends_with_it(tmp_path: Path) -> None:
    async def old(seen: Seen) -> None:
        await seen.say(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        seen.writer.close()

    async with Rig(tmp_path, handler=old) as rig:
        got = await rig.ask()
        assert got.body == b"all of it"


async def test_an_answer_that_is_cut_off_is_cut_off_for_the_client_too(tmp_path: Path) -> None:
    async def cut(seen: Seen) -> None:
        await seen.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        seen.writer.close()

    async with Rig(tmp_path, handler=cut) as rig:
        client = await rig.tunnel()
        await client.send(rig.request().replace("\n", "\r\n").encode() + b"\r\n")
        await client.reader.readuntil(b"first\r\n")
        assert await client.ended()
        [row] = await rig.rows()
        assert "cut off" in row.why


async def test_head_has_no_body_and_the_length_of_one(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n"
    async with Rig(tmp_path, handler=lambda seen: seen.say(head)) as rig:
        client = await rig.tunnel()
        got = await client.ask(rig.request(method="HEAD"))
        assert got.headers["content-length"] == "1234"
        client.close()


async def test_100_continue_is_said_once_the_head_may_pass(tmp_path: Path) -> None:
    rule = EgressRule("get", (HOST,), ("GET", "PUT"), ("/ok",))
    async with Rig(tmp_path, rules=(rule,), handler=echo) as rig:
        client = await rig.tunnel()
        more = "Content-Length: 3\nExpect: 100-continue\n"
        assert (await client.ask(rig.request("/ok", "PUT", more))).status == 100
        await client.send(b"abc")
        assert (await client.got()).body.endswith(b"abc")
        client.close()
        client = await rig.tunnel()
        assert (await client.ask(rig.request("/no", "PUT", more))).status == 403
        client.close()


async def test_without_a_token_nothing_is_done(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        for said in ("", rig.authorization("tt_aaaaaaaa_" + "a" * 32), "Proxy-Authorization: x\n"):
            client = await rig.client()
            got = await client.ask(f"CONNECT {HOST}:{rig.host.port} HTTP/1.1\n{said}")
            assert (got.status, got.headers["proxy-authenticate"][:5]) == (407, "Basic")
            assert await client.ended()
        assert rig.looked_up == []


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_a_token_names_its_task(tmp_path: Path, scheme: str) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.client()
        where = f"{HOST}:{rig.host.port}"
        said = rig.authorization()
        if scheme == "Bearer":
            said = f"Proxy-Authorization: Bearer {rig.token}\n"
        assert (await client.ask(f"CONNECT {where} HTTP/1.1\n{said}")).status == 200
        client.close()


async def test_an_ended_task_reaches_nothing_also_on_an_open_tunnel(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        assert (await client.ask(rig.request())).status == 200
        rig.tasks.close(rig.task.id, time.time())
        got = await client.ask(rig.request())
        assert (got.status, b"has ended" in got.body) == (403, True)
        client.close()
        _, got = await rig.connect()
        assert got.status == 407


async def test_a_socket_belongs_to_one_task(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = tmp_path / "task.sock"
        door = rig.proxy.listen_for(rig.task.id, path)
        assert path.stat().st_mode & 0o777 == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        client = Client(reader, writer)
        where = f"{HOST}:{rig.host.port}"
        assert (await client.ask(f"CONNECT {where} HTTP/1.1\nHost: {where}\n")).status == 200
        await client.writer.start_tls(await rig.trusting(), server_hostname=HOST)
        assert (await client.ask(rig.request())).status == 200
        [row] = await rig.rows()
        assert row.task == rig.task.id
        await door.close()
        assert await client.ended()
        assert not path.exists()
        client.close()


async def test_a_token_does_not_change_whose_socket_it_is(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        _, other = rig.tasks.open("other", time.time(), 60.0, None)
        path = tmp_path / "task.sock"
        door = rig.proxy.listen_for(rig.task.id, path)
        reader, writer = await asyncio.open_unix_connection(path)
        client = Client(reader, writer)
        said = rig.authorization(other)
        got = await client.ask(f"CONNECT no.such.host:1 HTTP/1.1\n{said}")
        assert got.status == 403
        [row] = await rig.rows()
        assert row.tenant == "acme"
        client.close()
        await door.close()


async def test_the_tasks_certificate_is_given_to_the_task(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.client()
        got = await client.ask(f"GET /ca.pem HTTP/1.1\nHost: x\n{rig.authorization()}")
        assert got.status == 200
        assert ssl.create_default_context(cadata=got.body.decode())
        client = await rig.client()
        assert (await client.ask("GET /ca.pem HTTP/1.1\nHost: x\n")).status == 407
        client = await rig.client()
        got = await client.ask(f"GET / HTTP/1.1\nHost: x\n{rig.authorization()}")
        assert (got.status, b"This is a proxy" in got.body) == (400, True)


async def test_one_tasks_certificates_are_worth_nothing_to_another(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        other, _ = rig.tasks.open("acme", time.time(), 60.0, None)
        authority = await rig.proxy.house.authority(other)
        context = ssl.create_default_context(cadata=authority.pem)
        client, _ = await rig.connect()
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.writer.start_tls(context, server_hostname=HOST)
        client.close()


async def test_what_no_rule_lets_through_is_not_even_looked_up(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        for to in (f"{OTHER}:{rig.host.port}", f"{HOST}:22", f"secret.data.{OTHER}:443"):
            _, got = await rig.connect(to)
            assert (got.status, b"No rule" in got.body) == (403, True)
        assert rig.looked_up == []
        assert rig.told() == [("egress", "denied")] * 3
        assert [row.outcome for row in await rig.rows()] == ["denied"] * 3


async def test_methods_and_paths_are_kept_to(tmp_path: Path) -> None:
    rule = EgressRule("read", (HOST,), ("GET",), ("/pub/**",))
    async with Rig(tmp_path, rules=(rule,)) as rig:
        assert (await rig.ask("/pub/x")).status == 200
        for target, method in (("/pub/x", "POST"), ("/priv", "GET"), ("/pub%2F..%2Fpriv", "GET"),
                               ("/pub/../priv", "GET"), ("/pub/%2e%2e/priv", "GET")):  # fmt: skip
            assert (await rig.ask(target, method)).status in (400, 403), target
        assert len(rig.host.seen) == 1


async def test_what_was_judged_is_what_goes_out(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.ask("/%61%7e/b%2Fc?%61")
        assert rig.host.seen[0].line == "GET /a~/b%2Fc?%61 HTTP/1.1"


async def test_a_redirect_comes_back_to_be_judged(tmp_path: Path) -> None:
    async def away(seen: Seen) -> None:
        to = f"location: https://{OTHER}/x\r\n".encode()
        await seen.say(answer(b"", to, "302 Found"))

    async with Rig(tmp_path, handler=away) as rig:
        got = await rig.ask()
        assert (got.status, got.headers["location"]) == (302, f"https://{OTHER}/x")
        assert len(rig.host.seen) == 1, "the proxy follows nothing itself"
        _, got = await rig.connect(f"{OTHER}:443")
        assert got.status == 403


async def test_a_hosts_certificate_must_be_its_own(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        other = await rig.another(echo, "another.example.com")
        rule = EgressRule("r", (HOST,), ports=(other.port,))
        rig.proxy.use(_with_rules(rig, rule))
        client = await rig.tunnel(f"{HOST}:{other.port}")
        got = await client.ask(f"GET / HTTP/1.1\nHost: {HOST}:{other.port}\n")
        assert (got.status, b"is not trusted for this name" in got.body) == (502, True)
        assert other.seen == []
        client.close()


async def test_a_reload_takes_the_new_rules_for_the_next_request(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.tunnel()
        assert (await client.ask(rig.request())).status == 200
        rig.proxy.use(_with_rules(rig))
        assert (await client.ask(rig.request())).status == 403
        client.close()
