"""Every SDK at sources of every dialect, through one gateway: the answers are equal."""

import asyncio
from pathlib import Path
from typing import Any

from sdks import SDKS, WEATHER, Job, do, expected
from tollway_between import tollway_between
from transcripts import USED
from wires import WIRES

ROUTES = {f"to-{name}": name for name in WIRES}


async def test_one_prompt_with_two_tools_gets_the_same_answer_from_every_source_in_every_sdk(
    tmp_path: Path,
) -> None:
    """Fifteen are five SDKs (Python: openai, anthropic, google-genai; npm: openai, anthropic) at
    sources of three dialects; Responses and Google's npm make them 32, and each is streamed and
    not."""
    transcripts = dict.fromkeys(WIRES, WEATHER)
    async with tollway_between(tmp_path, transcripts, ROUTES) as between:
        jobs = [
            Job(between.url, between.key, route, stream)
            for route in ROUTES
            for stream in (False, True)
        ]
        asked = [do(sdk, jobs, tmp_path, between.network.url) for sdk in SDKS]
        came = await asyncio.gather(*asked)
    unequal: dict[str, Any] = {
        f"{sdk.name}, {job.model}, stream={job.stream}": one
        for sdk, ones in zip(SDKS, came, strict=True)
        for job, one in zip(jobs, ones, strict=True)
        if one != expected(sdk.api)
    }
    assert unequal == {}
    assert between.faults == {}
    tasks = len(SDKS) * 2
    for source in between.sources.values():
        assert len(source.asked) == 2 * tasks
    for name in ("responses", "anthropic", "gemini"):
        signed = [one.heard.signatures for one in between.sources[name].asked if one.heard]
        assert signed.count(("c2lnbmVkOm9uZQ==",)) == tasks
    assert between.network.called == []
    booked = {row.group: row.totals for row in between.booked()}
    assert booked.keys() == {(name, "completed") for name in WIRES}
    for totals in booked.values():
        assert (totals.requests, totals.estimated) == (2 * tasks, 0)
        assert totals.input == USED.input * totals.requests
        assert totals.cached_input == USED.cached * totals.requests
        assert totals.output == USED.output * totals.requests
