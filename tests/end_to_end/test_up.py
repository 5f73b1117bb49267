import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from live_fleet import LiveFleet

from tollway.console.adminkey import is_admin_key


@pytest.fixture
async def upped(stopped_fleet: LiveFleet) -> AsyncIterator[LiveFleet]:
    """A fleet that `tollway up` started; `down` ends it."""
    stopped_fleet.file.write_text(stopped_fleet.text)
    try:
        yield stopped_fleet
    finally:
        code, _, err = await stopped_fleet.run("down")
        assert code == 0, err


async def up(fleet: LiveFleet, *flags: str) -> str:
    code, out, err = await fleet.run("up", str(fleet.file), *flags)
    assert code == 0, err
    return out


async def shell(command: str) -> str:
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    return out.decode()


async def test_the_curl_line_that_up_prints_streams_tokens(upped: LiveFleet) -> None:
    if shutil.which("curl") is None:
        assert os.environ.get("CI") != "true", "curl is not installed"
        pytest.skip("needs curl")
    out = await up(upped)
    command = out[out.index("curl -N") :].strip()
    answer = await shell(command)
    events = [line.removeprefix("data: ") for line in answer.splitlines() if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert sum(bool(chunk["choices"][0]["delta"].get("content")) for chunk in chunks) == 60


async def test_the_console_answers_where_up_says_and_its_key_is_said_once(upped: LiveFleet) -> None:
    first, second = json.loads(await up(upped, "--json")), json.loads(await up(upped, "--json"))
    assert first["console"] == f"http://127.0.0.1:{upped.ports['console']}"
    assert await shell(f"curl -s {first['console']}/sign-in | grep -o 'Admin key'")
    assert is_admin_key(first["console_key"], upped.state)
    assert second["console_key"] is None


async def test_two_ups_at_once_say_one_admin_key_and_it_opens(upped: LiveFleet) -> None:
    both = await asyncio.gather(*(up(upped, "--json") for _ in range(2)))
    keys = [it["console_key"] for it in map(json.loads, both)]
    assert sorted(it is None for it in keys) == [False, True]
    assert is_admin_key(next(filter(None, keys)), upped.state)


@pytest.mark.slow
async def test_up_replay_usage_and_up_again_after_kill_9_tell_one_story(upped: LiveFleet) -> None:
    first = json.loads(await up(upped, "--json"))
    flags = ("azure-code", "--url", upped.url, "--warp", "20", "--limit", "60", "--json")
    code, out, err = await upped.run("replay", *flags, "--tag", "before")
    assert code == 0, err
    before = json.loads(out)["total"]["cost"]
    os.kill(first["pid"], signal.SIGKILL)
    second = json.loads(await up(upped, "--json"))
    assert second["pid"] != first["pid"]
    assert second["key"] == first["key"]
    code, out, err = await upped.run("replay", *flags, "--tag", "after")
    assert code == 0, err
    after = json.loads(out)["total"]["cost"]
    code, out, err = await upped.run("usage", "--json", "--by", "tag")
    assert code == 0, err
    usage = json.loads(out)
    costs = {row["tag"]: Decimal(row["cost_usd"]).scaleb(12) for row in usage["rows"]}
    assert costs == {"before": before, "after": after}
    assert usage["total"]["requests"] == 120
    # The same fleet again is no second gateway.
    assert json.loads(await up(upped, "--json"))["pid"] == second["pid"]
