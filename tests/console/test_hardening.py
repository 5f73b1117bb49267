"""The console under attack: other sites, other names, other methods, too much of everything.

Each attack has its positive control: the request without the attack is answered.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from console_site import FLEET, Site, console
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tollway.console.adminkey import make_admin_key
from tollway.console.app import application
from tollway.console.gate import HEADERS, LARGEST, is_open
from tollway.console.signin import pages as signin
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook
from tollway.ledger.guarded.events import Events
from tollway.tools.connection import LONGEST_HEAD

_HTML = {"accept": "text/html"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with console(tmp_path) as made:
        yield made


@asynccontextmanager
async def browser(site: Site, *, signed_in: bool = True) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=site.url, trust_env=False, timeout=20) as client:
        if signed_in:
            answer = await client.post("/sign-in", data={"key": site.key})
            assert answer.status_code == 303
        yield client


def desk_of(site: Site):
    assert site.house is not None
    return site.house.desk


def csrf_of(site: Site) -> str:
    (session,) = desk_of(site).sessions._by_digest.values()
    return session.csrf


def routes(site: Site) -> list[tuple[str, set[str]]]:
    """Every address of every page, with its methods."""
    found: list[tuple[str, set[str]]] = []
    for it in application(desk_of(site)).routes:
        if isinstance(it, Mount):
            assert it.path == "/static"
            continue
        assert isinstance(it, Route)
        found.append((re.sub(r"\{[^}]*\}", "x", it.path), set(it.methods or ())))
    assert len(found) > 4
    return found


async def told(site: Site) -> list[str]:
    """What security events say so far."""
    await asyncio.to_thread(desk_of(site).audit.close)
    book = GuardBook(site.state / GUARD_BOOK)
    try:
        return [f"{it.concern} {it.outcome} {it.words}" for _, it in Events(book).last(200)]
    finally:
        book.close()


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


async def test_no_address_answers_without_a_session(site: Site) -> None:
    async with browser(site, signed_in=False) as client:
        for path, _ in routes(site):
            if is_open(path):
                continue
            for method in _METHODS:
                answer = await client.request(method, path)
                assert answer.status_code == 401, (method, path)
                assert answer.text == ("" if method == "HEAD" else "Sign in first.\n")
            answer = await client.get(path, headers=_HTML)
            assert answer.status_code == 303
            assert urlsplit(answer.headers["location"]).path == "/sign-in"


async def test_no_change_is_made_without_the_sessions_token(site: Site) -> None:
    async with browser(site) as client:
        changing = [(p, m) for p, methods in routes(site) for m in methods - {"GET", "HEAD"}]
        for path, method in [*changing, *((path, "POST") for path, _ in routes(site))]:
            if is_open(path):
                continue
            for token in (None, "", "wrong", "\u00e9"):
                data = {} if token is None else {"csrf": token}
                answer = await client.request(method, path, data=data)
                assert answer.status_code == 403, (method, path, token)
                assert "token is missing or old" in answer.text
        # The control: with the token the gate lets it through.
        answer = await client.post("/sign-out", data={"csrf": csrf_of(site)})
        assert answer.status_code == 303


async def test_the_token_of_another_session_is_none(site: Site) -> None:
    async with browser(site) as mine:
        token = csrf_of(site)
        async with browser(site) as theirs:
            assert (await theirs.post("/sign-out", headers={"x-csrf": token})).status_code == 403
        assert (await mine.post("/sign-out", headers={"x-csrf": token})).status_code == 303


async def test_only_the_methods_of_an_address_are_answered(site: Site) -> None:
    async with browser(site) as client:
        headers = {"x-csrf": csrf_of(site)}
        for path, methods in routes(site):
            for method in {"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
                answer = await client.request(method, path, headers=headers)
                assert answer.status_code == 405, (method, path)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""]
)
async def test_another_name_that_points_here_is_refused(site: Site, host: str) -> None:
    async with browser(site) as client:
        answer = await client.get("/sign-in", headers={"host": host})
        assert answer.status_code in (400, 421)
        assert (await client.get("/sign-in")).status_code == 200


async def test_two_hosts_in_one_request_are_refused(site: Site) -> None:
    own = urlsplit(site.url).netloc
    status = await raw(site, f"GET /sign-in HTTP/1.1\r\nhost: {own}\r\nhost: evil.example\r\n\r\n")
    assert status == 421
    assert await raw(site, f"GET /sign-in HTTP/1.1\r\nhost: {own}\r\n\r\n") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=["origin", "null", "port", "cross-site", "same-site"],
)
async def test_another_sites_post_is_refused_even_with_the_token(
    site: Site, headers: dict[str, str]
) -> None:
    async with browser(site) as client:
        data = {"csrf": csrf_of(site)}
        assert (await client.post("/sign-out", data=data, headers=headers)).status_code == 403
        key = {"key": site.key}
        assert (await client.post("/sign-in", data=key, headers=headers)).status_code == 403
        own = {"origin": site.url, "sec-fetch-site": "same-origin"}
        assert (await client.post("/sign-out", data=data, headers=own)).status_code == 303


async def test_what_another_site_embeds_or_fetches_is_refused_and_a_link_is_not(site: Site) -> None:
    async with browser(site) as client:
        for mode, dest in (("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")):
            headers = {
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": mode,
                "sec-fetch-dest": dest,
            }
            assert (await client.get("/sign-in", headers=headers)).status_code == 403
        link = {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        }
        assert (await client.get("/sign-in", headers=link)).status_code == 200


async def test_every_answer_has_the_headers_that_keep_it_from_being_framed_or_kept(
    site: Site,
) -> None:
    async with browser(site) as client:
        for path in (
            "/sign-in",
            "/nothing-here",
            "/guard",
            "/static/console.css",
            "/static/nothing",
        ):
            answer = await client.get(path, headers=_HTML)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, path
            if not path.startswith("/static/"):
                assert answer.headers["cache-control"] == "no-store"
        policy = HEADERS["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static/....//app.py",
     "/static/..%5capp.py", "/static//etc/passwd", "/static/%00", "/static/templates/layout.html",
     "/static/" + "a" * 5000],
)  # fmt: skip
async def test_static_files_are_those_of_their_folder(site: Site, path: str) -> None:
    own = urlsplit(site.url).netloc
    assert await raw(site, f"GET {path} HTTP/1.1\r\nhost: {own}\r\n\r\n") in (404, 405)
    assert await raw(site, f"GET /static/console.css HTTP/1.1\r\nhost: {own}\r\n\r\n") == 200


@pytest.mark.parametrize(
    "path",
    ["/static/../guard", "/sign-in/../guard", "/sign-in-not", "//guard", "/sign-in%2f..%2fguard",
     "/guard%0a", "/%0aguard", "/guard%3F/static/", "/guard%23/static/", "/%09static/../guard",
     "/guard/", "/static%0a/../guard"],
)  # fmt: skip
async def test_no_spelling_of_a_path_goes_past_the_sign_in(site: Site, path: str) -> None:
    own = urlsplit(site.url).netloc
    assert await raw(site, f"GET {path} HTTP/1.1\r\nhost: {own}\r\n\r\n") in (401, 404)


async def test_what_is_told_of_a_fault_has_the_headers_of_every_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a page that breaks, in a frame, or kept in a cache."""

    async def broken(_: Request) -> Response:
        raise ValueError("a secret that it choked on")

    monkeypatch.setattr("tollway.console.app.PAGES", ([*signin.ROUTES, Route("/broken", broken)],))
    async with console(tmp_path) as site, browser(site) as client:
        told = list[BaseException]()
        monkeypatch.setattr(desk_of(site), "fault", told.append)
        for accepts in (_HTML, {}):
            answer = await client.get("/broken", headers=accepts)
            assert answer.status_code == 500
            assert "A fault of the console" in answer.text
            assert "secret" not in answer.text
            for name, value in {**HEADERS, "cache-control": "no-store"}.items():
                assert answer.headers[name] == value
        assert len(told) == 2


async def test_no_answer_leads_away_from_tls(tmp_path: Path) -> None:
    """A redirect of the framework's names the scheme that we listen with, which is plain."""
    fleet = FLEET.replace("[console]", '[console]\nurl = "https://tollway.example.com"')
    async with console(tmp_path, fleet) as site:
        local = next(it for it in desk_of(site).hosts if it.startswith("127.0.0.1"))
        headers = {"host": "tollway.example.com"}
        async with httpx2.AsyncClient(base_url=f"http://{local}", trust_env=False) as client:
            for method, path in (("GET", "/sign-in/"), ("POST", "/sign-in/"), ("GET", "/static")):
                answer = await client.request(method, path, headers=headers)
                assert "location" not in answer.headers
                assert answer.status_code in (401, 404, 405)
            answer = await client.post("/sign-in", data={"key": site.key}, headers=headers)
            assert answer.headers["location"] == "/"  # the control: a path of ours


async def test_where_to_go_after_signing_in_is_what_was_asked_for(site: Site) -> None:
    async with browser(site, signed_in=False) as client:
        for path in ("/twin?chip0=h200&x=a%26b", "/requests/a%3Fb", "/pins"):
            answer = await client.get(path, headers=_HTML)
            asked = parse_qs(urlsplit(answer.headers["location"]).query)["to"]
            assert asked == [path]


async def test_a_gateway_that_hangs_holds_up_no_sign_in_and_no_page_without_it(
    site: Site,
) -> None:
    coming, over = asyncio.Semaphore(0), asyncio.Event()
    heard: list[asyncio.Task[None]] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(cast("asyncio.Task[None]", asyncio.current_task()))
        coming.release()
        await over.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(silent, desk_of(site).gateway.path)
    async with browser(site) as client:
        waiting = [asyncio.create_task(client.get("/guard/pending.json")) for _ in range(12)]
        async with asyncio.timeout(20):
            for _ in range(4):
                await coming.acquire()
        async with asyncio.timeout(4), browser(site) as other:  # before the gateway is given up
            assert (await other.get("/pins")).status_code == 200
            assert (await other.get("/guard/runs")).status_code == 200
        assert not any(it.done() for it in waiting)  # the control: it does hang
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    server.close()
    over.set()
    await asyncio.gather(*heard)


async def test_a_form_has_an_end(site: Site) -> None:
    async with browser(site, signed_in=False) as client:
        fits = {"key": "a" * (LARGEST - 4)}
        assert (await client.post("/sign-in", data=fits)).status_code == 401
        assert (await client.post("/sign-in", data={"key": "a" * LARGEST})).status_code == 413

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(LARGEST // 1024 + 1):
                yield b"a" * 1024

        answer = await client.post("/sign-in", content=endless())
        assert answer.status_code == 413
        many = "&".join(f"a{n}=1" for n in range(2000))
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post("/sign-in", content=many, headers=form)).status_code == 400


@pytest.mark.parametrize("form", ["one header", "many headers", "no end", "path"])
async def test_a_head_has_an_end(site: Site, form: str) -> None:
    own = urlsplit(site.url).netloc
    long = "a" * (LONGEST_HEAD + 1)
    head = f"GET /sign-in HTTP/1.1\r\nhost: {own}\r\n"
    text = {
        "one header": f"{head}x: {long}\r\n\r\n",
        "many headers": head + "".join(f"x{n}: {'a' * 100}\r\n" for n in range(700)) + "\r\n",
        "no end": f"{head}x: {long}{long}",
        "path": f"GET /{long} HTTP/1.1\r\nhost: {own}\r\n\r\n",
    }[form]
    assert await raw(site, text) == 431
    assert await raw(site, f"{head}x: {'a' * (LONGEST_HEAD // 2)}\r\n\r\n") == 200


async def test_a_stream_needs_a_session_and_ends_with_it(site: Site) -> None:
    async with browser(site) as client, client.stream("GET", "/live") as stream:
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        assert "retry" in await anext(lines)
        assert [it async for it in _first(lines)]  # the control: news arrives
        make_admin_key(site.state)
        async with asyncio.timeout(20):
            async for _ in lines:
                pass
    async with browser(site, signed_in=False) as client:
        assert (await client.get("/live")).status_code == 401


async def _first(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data:"):
            yield line
            return


async def test_a_new_admin_key_ends_the_sessions_of_the_old_one(site: Site) -> None:
    async with browser(site) as client:
        assert (await client.get("/live-is-not-a-page")).status_code == 404
        new = make_admin_key(site.state)
        assert (await client.get("/live-is-not-a-page")).status_code == 401
        assert (await client.post("/sign-in", data={"key": site.key})).status_code == 401
        assert (await client.post("/sign-in", data={"key": new})).status_code == 303


async def test_who_signed_out_is_out_and_their_cookie_opens_nothing(site: Site) -> None:
    async with browser(site) as client:
        kept = dict(client.cookies)
        await client.post("/sign-out", data={"csrf": csrf_of(site)})
        client.cookies.update(kept)
        assert (await client.get("/live-is-not-a-page")).status_code == 401


async def test_wrong_keys_are_throttled_and_the_right_one_is_not(site: Site) -> None:
    async with browser(site, signed_in=False) as client:
        statuses = [
            (await client.post("/sign-in", data={"key": f"tc_{n}"})).status_code for n in range(30)
        ]
        assert statuses[:20] == [401] * 20
        assert statuses[-1] == 429
        answer = await client.post("/sign-in", data={"key": "tc_wrong"})
        assert int(answer.headers["retry-after"]) >= 1
        assert (await client.post("/sign-in", data={"key": site.key})).status_code == 303
    assert sum("wrong key" in it for it in await told(site)) <= 21


async def test_over_tls_the_cookie_is_of_this_host_alone_and_another_name_is_no_session(
    tmp_path: Path,
) -> None:
    """Cookie tossing: a sibling of our domain can set any cookie but one that begins __Host-."""
    fleet = FLEET.replace("[console]", '[console]\nurl = "https://tollway.example.com"')
    async with console(tmp_path, fleet) as site:
        port = desk_of(site).hosts
        local = next(it for it in port if it.startswith("127.0.0.1"))
        headers = {"host": "tollway.example.com"}
        async with httpx2.AsyncClient(base_url=f"http://{local}", trust_env=False) as client:
            answer = await client.post("/sign-in", data={"key": site.key}, headers=headers)
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-tollway-console=")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
            assert "domain" not in cookie.lower()
            token = cookie.partition("=")[2].partition(";")[0]
            tossed = {**headers, "cookie": f"tollway-console={token}"}
            assert (await client.get("/nothing", headers=tossed)).status_code == 401
            own = {**headers, "cookie": f"__Host-tollway-console={token}"}
            assert (await client.get("/nothing", headers=own)).status_code == 404


async def test_sign_ins_and_refusals_are_written_down_without_the_key(site: Site) -> None:
    async with browser(site) as client:
        await client.post("/sign-in", data={"key": "tc_wrong-key"})
        await client.post("/sign-out", data={})
        await client.post("/sign-out", data={"csrf": csrf_of(site)})
        await client.get("/sign-in", headers={"host": "evil.example"})
    said = await told(site)
    assert "console allowed admin key signed in" in said
    assert "console allowed admin key signed out" in said
    assert "console denied a sign-in with a wrong key was refused" in said
    assert "console denied a request was refused: it names another host" in said
    assert any("sent no token" in it for it in said)
    assert not any(site.key in it or "tc_" in it for it in said)


async def raw(site: Site, text: str) -> int:
    """The status of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(site.url).port)
    try:
        writer.write(text.encode())
        async with asyncio.timeout(20):
            line = await reader.readline()
        return int(line.split()[1])
    finally:
        writer.close()
