"""The Road page against a gateway that works: its figures are the gateway's and the ledger's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from console_site import Site, console
from playwright.async_api import expect

from tollway.gateway.admin_client import ask, order
from tollway.ledger.query import UsageQuery
from tollway.ledger.sqlite import open_reader
from tollway.units import usd


def look(site: Site) -> Any:
    return ask(site.state / "gateway.sock", "/live")


def spent(site: Site, source: str) -> tuple[int, int, int]:
    """Requests, output tokens and pico-dollars of a source, by the ledger."""
    with closing(open_reader(site.state / "ledger.sqlite")) as ledger:
        rows = {row.group[0]: row.totals for row in ledger.usage(UsageQuery(by=("source",))).rows}
    found = rows.get(source)
    return (0, 0, 0) if found is None else (found.requests, found.output, found.cost)


async def send(site: Site, count: int = 1, tokens: int = 8) -> None:
    """Requests that are answered in whole."""
    body = {
        "model": "chat",
        "max_tokens": tokens,
        "messages": [{"role": "user", "content": "hi"}],
    }
    await asyncio.gather(*(asyncio.to_thread(_post, site, body) for _ in range(count)))


def _post(site: Site, body: object) -> None:
    from urllib.request import Request, urlopen

    headers = {"authorization": f"Bearer {site.client_key}", "content-type": "application/json"}
    asked = Request(f"{site.gateway}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urlopen(asked, timeout=60) as answer:
        answer.read()


@asynccontextmanager
async def flowing(site: Site) -> AsyncIterator[None]:
    """One long stream that is read until the end of the context."""
    host, _, port = site.gateway.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(
        {
            "model": "chat",
            "stream": True,
            "max_tokens": 20_000,
            "messages": [{"role": "user", "content": "write at length"}],
        }
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}authorization: Bearer {site.client_key}\r\n\r\n".encode() + body)
    await reader.readuntil(b"data: ")

    async def swallow() -> None:
        while await reader.read(65536):
            pass

    reading = asyncio.create_task(swallow())
    try:
        yield
    finally:
        reading.cancel()
        writer.close()


async def until(what: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := await asyncio.to_thread(what)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return found


async def test_figures_are_those_of_the_gateway_and_of_the_ledger(
    served: Site, open_page: Any
) -> None:
    await send(served, 4)
    await until(lambda: look(served)["live"] == 0)
    watched = await open_page(served)
    live = look(served)["sources"]
    for name, one in live.items():
        card = watched.page.locator(f"[data-source={name}]")
        await expect(card.locator("[data-is=requests]")).to_have_text(f"{one['requests']:,}")
        await expect(card.locator("[data-is=tokens]")).to_have_text(f"{one['tokens']:,}")
        requests, output, cost = await until(lambda name=name: spent(served, name))
        assert (one["requests"], one["tokens"], one["cost"]) == (requests, output, cost)
        said = await watched.text(f"[data-source={name}] [data-is=cost]")
        assert said == (f"${usd(cost):.6f}" if cost else "$0.00")
    assert sum(one["requests"] for one in live.values()) >= 4


async def test_news_arrives_while_one_looks(served: Site, open_page: Any) -> None:
    watched = await open_page(served)
    before = sum(one["requests"] for one in look(served)["sources"].values())
    async with flowing(served):
        await expect(watched.page.locator("#flows")).to_contain_text("chat")
        await expect(watched.page.locator("#now")).to_contain_text("1 live")
        speed = watched.page.locator("[data-is=speed]", has_text="-").first
        await expect(speed).to_have_count(0)
        name = look(served)["requests"][0]["source"]
        shown = watched.page.locator(f"[data-source={name}] [data-is=speed]")
        await expect(shown).not_to_have_text("0", timeout=15_000)
        assert await watched.page.locator("#ribbon .dot").count() >= 1
    await until(lambda: look(served)["live"] == 0)
    total = sum(one["requests"] for one in look(served)["sources"].values())
    assert total == before + 1
    await expect(watched.page.locator("#now")).to_contain_text("0 live")


async def test_a_source_is_drained_and_put_back_by_click_and_only_once_confirmed(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served)
    page = watched.page
    card = page.locator("[data-source=b200]")
    await card.get_by_role("button", name="Drain").click()
    await page.get_by_role("button", name="Leave it as it is").click()
    assert look(served)["sources"]["b200"]["drained"] is None
    await card.get_by_role("button", name="Drain").click()
    await page.get_by_label("Why").fill("driver update")
    await page.get_by_role("button", name="Drain it").click()
    await expect(card.locator("[data-is=state]")).to_have_text("drained")
    await expect(card.locator("[data-is=drained]")).to_contain_text("by admin")
    drained = look(served)["sources"]["b200"]["drained"]
    assert (drained["why"], drained["by"]) == ("driver update", "admin key")
    await watched.must_be_accessible()
    await card.get_by_role("button", name="Put back").click()
    await page.get_by_role("button", name="Put it back").click()
    await expect(card.locator("[data-is=state]")).to_have_text("healthy")
    assert look(served)["sources"]["b200"]["drained"] is None


async def test_the_last_source_of_a_route_asks_a_second_time(served: Site, open_page: Any) -> None:
    admin = served.state / "gateway.sock"
    for name in ("h200", "mi300x"):
        order(admin, "/drain", {"source": name})
    try:
        watched = await open_page(served)
        page = watched.page
        await page.locator("[data-source=b200]").get_by_role("button", name="Drain").click()
        await page.get_by_role("button", name="Drain it").click()
        await expect(page.get_by_role("alert")).to_contain_text("nothing serves route")
        watched.faults.clear()  # Chromium reports the 409
        assert look(served)["sources"]["b200"]["drained"] is None
        await page.get_by_role("button", name="Drain it all the same").click()
        await expect(page.locator("[data-source=b200] [data-is=state]")).to_have_text("drained")
    finally:
        for name in ("h200", "mi300x", "b200"):
            order(admin, "/undrain", {"source": name})


async def test_the_loss_of_a_source_is_rehearsed_with_intervals_and_whence_they_are(
    served: Site, open_page: Any
) -> None:
    await send(served, 3)
    watched = await open_page(served)
    page = watched.page
    card = page.locator("[data-source=h200]")
    await card.get_by_role("button", name="Rehearse its loss").click()
    rows = page.locator("#loss-rows tr")
    await expect(rows.first).to_be_visible(timeout=90_000)
    assert await rows.count() % 2 == 0
    said = await watched.text("#loss-provenance")
    assert "the ledger's last hour" in said
    assert "the engine model" in said
    assert "nobody knows which sources are drained" not in said
    routes = page.locator("#loss-routes li")
    named = "Object.keys(JSON.parse(document.getElementById('fleet').textContent).routes).length"
    assert await routes.count() == await page.evaluate(named)
    assert "ms (" in await watched.text("#loss-rows")
    await watched.must_be_accessible()


def crowded(news: Any) -> Any:
    """News of 812 requests that run and of 5,000 that ended in the two minutes before."""
    one = {"route": "chat", "tenant": "t", "model": "m", "source": "h200"}
    live = {**one, "since": 1.0, "phase": "streaming", "tokens": 9}
    gone = {**one, "outcome": "completed", "attempts": 1, "ttft": 0.1, "duration": 1.0}
    flow = {"route": "chat", "queued": 0, "sent": 0, "streaming": 0, "ended": 0}
    ended = [
        {**gone, "id": f"gone-{n}", "n": n, "at": news["at"] - (5000 - n) * 0.024}
        for n in range(4801, 5001)
    ]
    return {
        **news,
        "live": 812,
        "requests": [{**live, "id": f"live-{n}"} for n in range(200)],
        "flows": [
            {**flow, "source": "h200", "streaming": 700, "ended": 4000},
            {**flow, "source": "b200", "sent": 100, "ended": 1000},
            {**flow, "source": None, "queued": 12},
        ],
        "seq": 5000,
        "ended": ended,
    }


async def told(watched: Any, news: list[Any]) -> None:
    """From now on the page hears this and nothing else."""
    said = "".join(f"data: {json.dumps(one)}\n\n" for one in news)
    head = {"content-type": "text/event-stream"}
    await watched.page.route("**/live", lambda route: route.fulfill(body=said, headers=head))


async def test_the_table_counts_all_and_the_page_says_what_is_not_drawn(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served)
    page = watched.page
    first = crowded(look(served)) | {"started": 1}
    later = json.loads(json.dumps(first))
    later |= {"mono": first["mono"] + 1.0, "at": first["at"] + 1.0, "seq": 5500}
    later["flows"][0]["ended"] += 500
    fresh = [{**first["ended"][-1], "id": f"new-{n}", "n": n} for n in range(5301, 5501)]
    later["ended"] = [{**one, "at": later["at"]} for one in fresh]
    past = {**later, "mono": first["mono"] + 58.0, "at": first["at"] + 58.0, "ended": []}
    await told(watched, [first, later])
    await page.reload()
    await expect(page.locator("#flows tfoot")).to_contain_text("all")
    sums = await page.locator("#flows tfoot td.number").all_inner_texts()
    # 5 s of the first news' list, and all 500 of the second since.
    assert sums == ["12", "100", "700", "700"]
    assert await watched.text("[data-is=period]") == "ended, last 6 s"
    said = await watched.text("#undrawn")
    assert "120 of 812 on their way" in said
    assert "0 of 500 that ended since the last look" in said
    assert await page.locator("#ribbon .dot").count() == 120
    # A minute is never more than a minute, also where it began before the page did.
    await page.unroute("**/live")
    await told(watched, [first, later, past])
    await page.reload()
    await expect(page.locator("[data-is=period]")).to_have_text("ended, last minute")
    await page.unroute("**/live")


async def test_what_is_left_with_escape_is_not_done_after_an_earlier_yes(
    served: Site, open_page: Any
) -> None:
    watched = await open_page(served)
    page = watched.page
    card = page.locator("[data-source=b200]")
    await card.get_by_role("button", name="Drain").click()
    await page.get_by_role("button", name="Drain it").click()
    await card.get_by_role("button", name="Put back").click()
    assert await page.evaluate("() => document.getElementById('ask').returnValue") == ""
    orders: list[str] = []
    page.on("request", lambda it: orders.append(it.url) if it.method == "POST" else None)
    await page.evaluate(
        """() => { window.over = new Promise((done) =>
            document.getElementById("ask").addEventListener("close", () => setTimeout(done))); }"""
    )
    await page.keyboard.press("Escape")
    await page.evaluate("() => window.over")
    assert orders == []
    assert look(served)["sources"]["b200"]["drained"]
    await card.get_by_role("button", name="Put back").click()
    await page.get_by_role("button", name="Put it back").click()
    await expect(card.locator("[data-is=state]")).to_have_text("healthy")


async def test_without_motion_dots_stand_still(served: Site, open_page: Any) -> None:
    watched = await open_page(served)
    await watched.page.emulate_media(reduced_motion="reduce")
    await watched.page.reload()
    async with flowing(served):
        dot = watched.page.locator("#ribbon .dot.streaming").first
        await expect(dot).to_be_visible()
        moving = await watched.page.evaluate(
            """() => new Promise((done) => {
                const all = () => [...document.querySelectorAll("#ribbon .dot")]
                    .map((it) => it.getAttribute("transform")).join();
                const before = all();
                requestAnimationFrame(() => requestAnimationFrame(() => done(before !== all())));
            })"""
        )
        assert not moving


async def test_a_dead_gateway_shows_how_to_start_one(tmp_path: Path, open_page: Any) -> None:
    async with console(tmp_path) as site:
        watched = await open_page(site)
        said = await watched.text("#dead")
        assert "No gateway answers." in said
        assert f"tollway up {site.fleet_file} --state {site.state}" in said
        await watched.must_be_accessible()
        await watched.page.goto("about:blank")


async def test_who_may_only_look_is_refused_and_an_operator_is_not(tmp_path: Path) -> None:
    import httpx2

    async with console(tmp_path) as site, httpx2.AsyncClient(base_url=site.url) as client:
        await client.post("/sign-in", data={"key": site.key, "to": "/"})
        assert site.house is not None
        (session,) = site.house.desk.sessions._by_digest.values()
        form = {"csrf": session.csrf, "source": "one"}
        session.roles = frozenset({"viewer"})
        for path in ("/road/drain", "/road/undrain", "/road/rehearse"):
            answer = await client.post(path, data=form)
            assert answer.status_code == 403
            assert 'needs the role "operator"' in answer.text
        session.roles = frozenset({"viewer", "operator"})
        for path in ("/road/drain", "/road/undrain"):  # there is no gateway: it was asked
            assert (await client.post(path, data=form)).status_code == 503
