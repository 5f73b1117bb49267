"""What goes wrong reaches each program as its own API says it, and never as a whole answer."""

import asyncio
from pathlib import Path
from typing import Any

from clis import CODEX, Place, do_in, transcript
from scripted_source import closed_network, scripted
from sdks import SDKS, WEATHER, Job, do
from tollway_between import tollway_between
from wire_responses import RESPONSES
from wires import WIRES

ROUTES = {f"to-{name}": name for name in WIRES}


async def test_a_stream_that_is_cut_short_raises_in_every_sdk_whatever_the_source(
    tmp_path: Path,
) -> None:
    async with tollway_between(tmp_path, dict.fromkeys(WIRES, WEATHER), ROUTES) as between:
        for source in between.sources.values():
            source.cut = True
        jobs = [Job(between.url, between.key, route, stream=True) for route in ROUTES]
        asked = [do(sdk, jobs, tmp_path, between.network.url) for sdk in SDKS]
        came = await asyncio.gather(*asked)
    silent = {
        f"{sdk.name}, {job.model}": one
        for sdk, ones in zip(SDKS, came, strict=True)
        for job, one in zip(jobs, ones, strict=True)
        if "error" not in one
    }
    assert silent == {}
    for source in between.sources.values():
        assert len(source.asked) == len(SDKS)
    assert {row.group[1] for row in between.booked()} == {"failed"}


async def test_a_refusal_is_read_by_every_sdk_and_the_routes_are_listed_in_each(
    tmp_path: Path,
) -> None:
    async with tollway_between(tmp_path, {"openai": WEATHER}, {"to-openai": "openai"}) as between:
        url, key = between.url, between.key
        jobs = [
            Job(url, key, "nowhere"),
            Job(url, key, "nowhere", stream=True),
            Job(url, "tw_unknown", "to-openai"),
            Job(url, key, "", listing=True),
        ]
        asked = [do(sdk, jobs, tmp_path, between.network.url) for sdk in SDKS]
        came = await asyncio.gather(*asked)
    unread: dict[str, Any] = {}
    for sdk, (nowhere, streamed, stranger, listed) in zip(SDKS, came, strict=True):
        told = [nowhere.get("error", ""), streamed.get("error", ""), stranger.get("error", "")]
        read = all('The model "nowhere" does not exist' in it.replace("\\", "") for it in told[:2])
        if not (read and "Send a valid key" in told[2] and "to-openai" in listed["models"]):
            unread[sdk.name] = (told, listed)
    assert unread == {}
    assert between.sources["openai"].requests == []


async def test_codex_is_told_which_of_its_tools_a_source_cannot_have(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    script = {"openai": transcript(CODEX, work)}
    async with tollway_between(tmp_path, script, {CODEX.model: "openai"}) as between:
        place = Place(work, home, between.url, between.key, CODEX.model, between.network.url)
        ran = await do_in(CODEX, place, ("-c", 'web_search="live"'))
    assert ran.code == 1
    assert "web_search" in ran.out
    assert "route to a source that speaks responses" in ran.out
    assert between.sources["openai"].requests == []


async def test_the_closed_network_is_what_a_program_would_have_gone_out_by(tmp_path: Path) -> None:
    """The positive control of `called == []`: a program that is not told to keep to itself."""
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    script = transcript(CODEX, work)
    async with scripted(RESPONSES, script) as source, closed_network() as network:
        place = Place(work, home, source.url, "secret", CODEX.model, network.url)
        await do_in(CODEX, place, ("-c", "features.plugins=true"))
    assert any("github.com" in line for line in network.called)
