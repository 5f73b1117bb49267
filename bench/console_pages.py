"""How long each of the console's pages takes on a ledger of ten million requests, warm and cold.

`python -m bench.console_pages [LEDGER] [--rows 10_000_000] [--rounds 15] [--most-ms 300]`: LEDGER
is what `bench.ledger_rows` wrote; without one it is written first, to a folder that goes again.
Times are of whole HTTP answers over loopback, without a gateway; of an export, to its first line of
figures. CPU is of this process, its client's included, and of the children that predict. Cold: the
file's pages are dropped from the system's cache before each (`posix_fadvise`). Exits 1 where a warm
page's p95 is above the bound, and where a page of the console is not among them.
"""

import argparse
import asyncio
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from io import StringIO
from pathlib import Path

import httpx2
from starlette.routing import compile_path

from bench.ledger_rows import RARE_TAG, RARE_TENANT, make
from bench.processes import cpu_seconds
from tollway.console import app
from tollway.console.adminkey import make_admin_key
from tollway.console.house import Clocks, House
from tollway.gateway.log import Log

FLEET = """version = 1
[console]
listen = "127.0.0.1:0"
[models."llama-3.3-70b"]
[models.gpt]
[sources.h200]
kind = "server"
url = "http://127.0.0.1:9/v1"
chip = "h200"
tp = 2
slots = 64
[sources.h200.serves."llama-3.3-70b"]
context = 16000
prices = [{ since = 2026-01-01, input = "1.25", output = "5" }]
[sources.openai]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.openai.serves.gpt]
prices = [{ since = 2026-01-01, input = "1.25", output = "5" }]
[routes.chat]
model = "llama-3.3-70b"
candidates = ["h200"]
fallbacks = ["openai:gpt"]
[[price_books.list]]
since = 2026-01-01
monthly = "10"
markup = "0.20"
rates = [{ tier = "standard", source = "openai", markup = "0.30" }]
[tenants.team-01]
budget = { day = "100", month = "1000" }
price_book = "list"
[parties.us]
title = "Us"
[parties.seller]
title = "Seller"
[contracts.lease]
buyer = "us"
supplier = "seller"
sources = ["h200", "openai"]
term = { start = 2026-01-01, months = 36 }
commitment = { amount = "365000", true_up = "pay" }
"""
SET_UP = "model=llama-3.3-70b&chip1=h200&tp1=2"
PAGES = {
    "road": "/",
    "sign-in": "/sign-in",
    "requests": "/requests",
    "requests, a tenant": "/requests?tenant=team-01",
    "requests, a key": "/requests?key=k0100001",
    "requests, a source, failed": "/requests?source=b200&outcome=failed",
    "requests, a code": "/requests?code=upstream_cut",
    "requests, a rare tenant": f"/requests?tenant={RARE_TENANT}",
    "requests, a rare tag": f"/requests?tag={RARE_TAG}",
    "requests, a frequent tag": "/requests?tag=job-7",
    "requests, drilled": "/requests?drilled=on",
    "requests, fallback": "/requests?fallback=on",
    "requests, estimated, rare": f"/requests?estimated=on&tenant={RARE_TENANT}",
    "requests, dear (none)": "/requests?min_cost=5",
    "requests, slow, tag (none)": "/requests?min_ttft=60s&tag=job-7",
    "requests, by name (none)": "/requests?request=nobody",
    "requests, a month ago": "/requests?since=37d&until=30d",
    "a request": "/requests/{request}",
    "money": "/money",
    "money, 30 days by key": "/money?by=key",
    "money, 90 days by tenant": "/money?period=90d&by=tenant",
    "money, all by key": "/money?period=all&by=key",
    "money, all by model, a key": "/money?period=all&by=model&key=k0100001",
    "money, all by key, a source": "/money?period=all&by=key&source=b200",
    "money, between months": "/money?by=key&since={early}&until={late}",
    "money, a tenant by model": "/money?period=90d&by=model&tenant=team-01",
    "money as JSON, all by key": "/money/spend.json?period=all&by=key",
    "margin, this month": "/money/margin?period=month",
    "margin, all": "/money/margin?period=all",
    "margin, all by key": "/money/margin?period=all&margin=key",
    "margin, all by source": "/money/margin?period=all&margin=source",
    "margin as CSV, all by key": "/money/margin.csv?period=all&margin=key",
    "export, requests of all": "/money/export.csv?period=all&lines=requests",
    "export, days of all": "/money/export.csv?period=all&lines=days",
    "twin": f"/twin?{SET_UP}",
    "twin, answers": f"/twin/answers.json?{SET_UP}",
    "twin, scores": "/twin/scores.json",
    "feel": "/feel",
    "feel, a stream": "/feel/stream?mode=text",
    "feel, now": "/feel/now",
    "feel, a source": "/feel/source?name=h200",
    "feel, a prediction": "/feel/prediction?model=llama-3.3-70b&chip=h200&tp=2",
    "feel, sums": "/feel/sums?rates=30&ttfts=0.5",
    "choose": "/choose",
    "guard": "/guard",
    "guard, pending": "/guard/pending.json",
    "guard, runs": "/guard/runs",
    "guard, stopped": "/guard/stopped",
    "pins": "/pins",
    "pins, verified": "/pins/verify.json",
    "pins, components": "/pins/components",
    "pins, threats": "/pins/threats",
    "pins, models": "/pins/models",
}
ELSEWHERE = {
    "/pins/component": "needs a lock; it reads no ledger",
    "/guard/runs/{task}": "needs a run; it reads the guard's book",
    "/guard/runs/{task}.json": "needs a run; it reads the guard's book",
    "/twin/grid.json": "dozens of predictions, drawn after the page; it reads no ledger",
}
"""Pages that are not measured, and why."""
_OWN_ANSWERS = ("/sign-in/",)
"""Beginnings of paths that lead to another site."""


class Meter:
    """Asks a console for pages, and keeps time."""

    def __init__(self, client: httpx2.AsyncClient, ledger: Path) -> None:
        self._client = client
        self._ledger = ledger

    async def times(self, path: str, rounds: int, *, cold: bool) -> tuple[list[float], list[float]]:
        """Seconds of each answer, and of CPU."""
        found: list[tuple[float, float]] = []
        if not cold:
            await self._ask(path)
        for _ in range(rounds):
            if cold:
                _forget(self._ledger)
            found.append(await self._ask(path))
        return [took for took, _ in found], [spent for _, spent in found]

    async def _ask(self, path: str) -> tuple[float, float]:
        children = _of_children()
        began, worked = time.perf_counter(), time.process_time()
        async with self._client.stream("GET", path) as answer:
            text, took = "", 0.0
            async for piece in answer.aiter_text():
                text += piece
                if "export" in path and text.count("\n") > 1:
                    break
            took = time.perf_counter() - began
            spent = time.process_time() - worked + _of_children() - children
        if answer.status_code != 200 or re.search("did not answer within", text):
            raise SystemExit(f"{path}: {answer.status_code} {text[:300]}")
        return took, spent


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cold", type=int, default=5)
    parser.add_argument("--most-ms", type=float, default=300.0)
    asked = parser.parse_args()
    missing = unmeasured()
    if missing:
        raise SystemExit(f"Not measured, and not said why: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as name:
        ledger = asked.ledger
        if ledger is None:
            ledger = Path(name) / "made" / "ledger.sqlite"
            make(ledger, asked.rows, 90, time.time())
        slow = asyncio.run(
            measure(Path(name), ledger.absolute(), (asked.rounds, asked.cold), asked.most_ms)
        )
    for line in slow:
        print(f"above {asked.most_ms:g} ms: {line}")
    return 1 if slow else 0


def unmeasured() -> list[str]:
    """Pages of the console that are neither measured nor said to be left out."""
    asked = [it.partition("?")[0] for it in PAGES.values()]
    found: list[str] = []
    for route in (it for page in app.PAGES for it in page):
        fits = compile_path(route.path)[0]
        there = any(fits.match(it) for it in asked) or route.path in ELSEWHERE
        if "GET" in (route.methods or ()) and not there and not route.path.startswith(_OWN_ANSWERS):
            found.append(route.path)
    return found


async def measure(folder: Path, ledger: Path, rounds: tuple[int, int], most: float) -> list[str]:
    """The pages that took longer than `most` milliseconds."""
    state, file = folder / "state", folder / "fleet.toml"
    state.mkdir(mode=0o700)
    file.write_text(FLEET)
    (state / "ledger.sqlite").symlink_to(ledger)
    key = make_admin_key(state)
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores; {_rows(ledger)}")
    print(f"{'page':28} {'warm p50':>9} {'p95':>7} {'cold p50':>9} {'p95':>7} {'CPU':>6}  ms")
    slow: list[str] = []
    clocks = Clocks(time.time, time.monotonic)
    async with (
        House(file, state, Log(time.time, StringIO()), clocks) as house,
        httpx2.AsyncClient(base_url=house.url, timeout=60) as client,
    ):
        await client.post("/sign-in", data={"key": key, "to": "/"})
        meter = Meter(client, ledger)
        for name, path in _named(ledger).items():
            warm, spent = await meter.times(path, rounds[0], cold=False)
            cold, _ = await meter.times(path, rounds[1], cold=True)
            each = (_p(warm, 0.5), _p(warm, 0.95), _p(cold, 0.5), _p(cold, 0.95), _p(spent, 0.5))
            shown = [f"{1e3 * it:.0f}" for it in each]
            line = (
                f"{name:28} {shown[0]:>9} {shown[1]:>7} {shown[2]:>9} {shown[3]:>7} {shown[4]:>6}"
            )
            print(line, flush=True)
            slow += [line] if 1e3 * each[1] > most else []
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    return slow


def _named(ledger: Path) -> dict[str, str]:
    """The pages, with a request and days that the ledger has."""
    with closing(sqlite3.connect(ledger)) as db:
        ask = "SELECT request FROM settled WHERE id = (SELECT max(id) / 2 FROM settled)"
        (request,) = db.execute(ask).fetchone()
        held = "strftime('%Y-%m-%d', (SELECT {}(day) FROM day_sources) * 86400 + {}, 'unixepoch')"
        days = ", ".join((held.format("min", 5 * 86_400), held.format("max", -5 * 86_400)))
        early, late = db.execute(f"SELECT {days}").fetchone()
    return {
        name: path.format(request=request, early=early, late=late) for name, path in PAGES.items()
    }


def _rows(ledger: Path) -> str:
    with closing(sqlite3.connect(ledger)) as db:
        (rows,) = db.execute("SELECT max(id) FROM settled").fetchone()
        days, held = db.execute("SELECT count(DISTINCT day), count(*) FROM days").fetchone()
    return f"{rows:,} requests over {days} days, {held:,} sums of a day and key"


def _of_children() -> float:
    """CPU seconds of the children that predict."""
    own = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(cpu_seconds(int(it)) for it in own)


def _forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _p(times: list[float], share: float) -> float:
    if share == 0.5:
        return statistics.median(times)
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


if __name__ == "__main__":
    sys.exit(main())
