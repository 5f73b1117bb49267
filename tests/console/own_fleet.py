"""A fleet with chips of its own, its console without a gateway, and days that were scored."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from console_site import Site, console
from httpx2 import AsyncClient, Response

from tollway.console.hand import Job, Load, SetUp
from tollway.inspect.fleetfile import read_fleet
from tollway.ledger.scores import keep_scores
from tollway.ledger.sqlite import open_for_gateway
from tollway.simulator.scores import Claim, Figure, Learned, Score, digest_of
from tollway.simulator.twin import deployment_of, site_of

DAY = 86_400
MODEL = "llama-3.1-70b"
FLEET = """version = 1
[console]
listen = "127.0.0.1:0"
[models."llama-3.1-70b"]
[sources.own]
kind = "server"
url = "http://127.0.0.1:9/v1"
chip = "h200"
tp = 2
slots = 64
[sources.own.serves."llama-3.1-70b"]
context = 16000
[routes.chat]
model = "llama-3.1-70b"
candidates = ["own"]
slo = { ttft = "900ms", speed = 25.0 }
[tenants.team]
"""
HUGE = Job(SetUp("llama-3.3-70b", "h200", tp=8), 1, 100_000, (Load(users=4096),), "")
"""What no child answers within a test."""

Get = Callable[..., Coroutine[Any, Any, Response]]


@asynccontextmanager
async def signed_in(folder: Path, fleet: str = FLEET) -> AsyncIterator[tuple[Site, Get]]:
    """A console without a gateway, and `get(path, **query)`, signed in."""
    async with console(folder, fleet) as site, AsyncClient(base_url=site.url, timeout=60) as client:
        origin = {"origin": site.url}
        await client.post("/sign-in", data={"key": site.key, "to": "/"}, headers=origin)

        async def get(path: str, **query: str) -> Response:
            return await client.get(path, params=query, headers={"accept": "text/html"})

        yield site, get


def scored(site: Site, days: int, observed: float) -> None:
    """So many days of the source `own`, each `observed` times as slow as was predicted."""
    fleet = read_fleet(site.fleet_file)
    source = fleet.sources["own"]
    found, _ = site_of(fleet, source, Learned())
    assert found is not None
    pool = found.pools[0]
    today = int(time.time()) // DAY
    path = site.state / fleet.gateway.ledger
    open_for_gateway(path).close()
    figures = (
        Figure("ttft_p50", 200, observed * 0.2, 0.2, 0.1, 0.4),
        Figure("tpot_p50", 200, observed * 0.02, 0.02, 0.015, 0.03),
    )
    claim = Claim(MODEL, "h200", "vllm", digest_of(None))
    keep_scores(
        path,
        [
            Score(
                day=today - ago,
                source="own",
                model=MODEL,
                claim=claim,
                deployment=deployment_of(source, pool),
                provenance="measured",
                version="0.1",
                made=float(today * DAY + 60),
                emulated=False,
                fitted_later=False,
                near=False,
                requests=240,
                figures=figures,
            )
            for ago in range(days, 0, -1)
        ],
    )
