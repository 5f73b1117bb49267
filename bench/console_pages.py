"""How long the console's pages take on a ledger of millions of requests, warm and cold.

`python -m bench.console_pages LEDGER [--rounds 15]`: LEDGER is what `bench.ledger_rows` wrote.
Times are of whole HTTP answers over loopback, without a gateway. CPU is this process's, its
client's included: about what a warm answer takes on an idle machine. Cold: before each the file's
pages are dropped from the system's cache (`posix_fadvise`) and the ledger is opened anew.
"""

import argparse
import asyncio
import os
import re
import statistics
import tempfile
import time
from io import StringIO
from pathlib import Path

import httpx2

from bench.ledger_rows import RARE_TAG, RARE_TENANT
from tollway.console.adminkey import make_admin_key
from tollway.console.house import Clocks, House
from tollway.gateway.log import Log

FLEET = """version = 1
[console]
listen = "127.0.0.1:0"
[models.gpt]
[sources.openai]
kind = "server"
url = "http://127.0.0.1:9/v1"
[sources.openai.serves.gpt]
prices = [{ since = 2026-01-01, input = "1.25", output = "5" }]
[routes.chat]
model = "gpt"
candidates = ["openai"]
[[price_books.list]]
since = 2026-01-01
markup = "0.20"
[tenants.team-01]
budget = { month = "1000" }
price_book = "list"
"""
PAGES = {
    "first page": "/requests",
    "a tenant": "/requests?tenant=team-01",
    "a key": "/requests?key=k0100001",
    "a source, failed": "/requests?source=b200&outcome=failed",
    "a code": "/requests?code=upstream_cut",
    "a rare tenant": f"/requests?tenant={RARE_TENANT}",
    "a rare tag": f"/requests?tag={RARE_TAG}",
    "a frequent tag": "/requests?tag=job-7",
    "drilled": "/requests?drilled=on",
    "fallback": "/requests?fallback=on",
    "estimated, rare tenant": f"/requests?estimated=on&tenant={RARE_TENANT}",
    "dear (none)": "/requests?min_cost=5",
    "slow and a tag (none)": "/requests?min_ttft=60s&tag=job-7",
    "a request (none)": "/requests?request=nobody",
    "a week a month ago": "/requests?since=37d&until=30d",
    "money, 30 days by source": "/money",
    "money, all by key": "/money?period=all&by=key",
    "margin, this month": "/money/margin?period=month",
    "money, a tenant by model": "/money?period=90d&by=model&tenant=team-01",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_measure(Path(name), asked.ledger.absolute(), asked.rounds))


async def _measure(folder: Path, ledger: Path, rounds: int) -> None:
    state, file = folder / "state", folder / "fleet.toml"
    state.mkdir(mode=0o700)
    file.write_text(FLEET)
    (state / "ledger.sqlite").symlink_to(ledger)
    key = make_admin_key(state)
    print(f"{'page':28} {'warm p50':>9} {'p95':>7} {'cold p50':>9} {'p95':>7} {'CPU':>6}  ms")
    pages = dict(PAGES)
    for name in list(pages):
        warm, spent = await _times(file, key, pages[name], rounds, cold=False)
        cold, _ = await _times(file, key, pages[name], rounds, cold=True)
        each = (_p(warm, 0.5), _p(warm, 0.95), _p(cold, 0.5), _p(cold, 0.95), _p(spent, 0.5))
        shown = [f"{1e3 * it:.0f}" for it in each]
        print(
            f"{name:28} {shown[0]:>9} {shown[1]:>7} {shown[2]:>9} {shown[3]:>7} {shown[4]:>6}",
            flush=True,
        )


async def _times(
    file: Path, key: str, path: str, rounds: int, *, cold: bool
) -> tuple[list[float], list[float]]:
    """Seconds of each answer, and of CPU."""
    state = file.parent / "state"
    found: list[tuple[float, float]] = []
    for _ in range(rounds if cold else 1):
        if cold:
            _forget(state / "ledger.sqlite")
        log = Log(time.time, StringIO())
        clocks = Clocks(time.time, time.monotonic)
        async with (
            House(file, state, log, clocks) as house,
            httpx2.AsyncClient(base_url=house.url, timeout=60) as client,
        ):
            await client.post("/sign-in", data={"key": key, "to": "/"})
            if not cold:
                await _ask(client, path)
            found += [await _ask(client, path) for _ in range(1 if cold else rounds)]
    return [took for took, _ in found], [spent for _, spent in found]


async def _ask(client: httpx2.AsyncClient, path: str) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.process_time()
    answer = await client.get(path)
    took = time.perf_counter() - began, time.process_time() - worked
    if answer.status_code != 200 or re.search("did not answer within", answer.text):
        raise SystemExit(f"{path}: {answer.status_code}")
    return took


def _forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _p(times: list[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)] if share != 0.5 else (
        statistics.median(times)
    )  # fmt: skip


if __name__ == "__main__":
    main()
