"""A whole gateway goes by its lock: from its start, and from a reload on."""

import json
from pathlib import Path

import pytest
from gateway_rig import DONE, LAST, SSE, STOP, Seen, chunk, event, live
from process_rig import Gateway, Terms, running

from tollway.cli.app import run
from tollway.pins.component import ModelApi
from tollway.pins.lock import Lock, lock_text

workers = pytest.mark.parametrize("count", [1, 2])


def locked(folder: Path, answers: str, version: str = "m") -> None:
    model = ModelApi(
        name="a/m", version=version, purl="pkg:generic/m", source="a", answers=(answers,)
    )
    (folder / "ai.lock").write_text(lock_text(Lock(component=(model,))))


async def stream(seen: Seen) -> None:
    named = event("a").replace(b'{"id"', b'{"model":"u","id"', 1)
    await seen.say(SSE, chunk(named), chunk(STOP), chunk(DONE) + LAST)


async def status(gateway: Gateway) -> int:
    client = await gateway.asking(stream=True)
    return (await client.got()).status


def enforcing(count: int) -> Terms:
    return Terms(gateway=f"workers = {count}", tenant='[pins]\nmode = "enforce"')


@workers
def test_what_is_locked_holds_from_a_reload_on_and_not_before(count: int, tmp_path: Path) -> None:
    @live
    async def promised() -> None:
        locked(tmp_path, "u")
        async with running(tmp_path, stream, terms=enforcing(count)) as (gateway, _):
            assert await status(gateway) == 200
            locked(tmp_path, "another")
            assert await status(gateway) == 200
            assert (await gateway.admin("POST", "/reload"))[1]["ok"] is True
            assert await status(gateway) == 502
            await gateway.logged('pins: a m answers as "u", and "another" is locked: refused')
            (tmp_path / "ai.lock").unlink()
            _, answer = await gateway.admin("POST", "/reload")
            assert "ai.lock: is not there. Run: tollway lock" in json.dumps(answer)
            assert await status(gateway) == 502  # the lock that was in force still is
            locked(tmp_path, "u", version="older")
            _, answer = await gateway.admin("POST", "/reload")
            assert '\\"older\\" is locked. Run: tollway lock' in json.dumps(answer)

    promised()


def test_a_fleet_file_is_checked_against_its_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fleet.toml"
    text = """
version = 1
[pins]
mode = "{}"
[models.m]
[sources.a]
kind = "server"
url = "http://127.0.0.1:9/v1"
serves = {{ m = {{}} }}
[tenants.t]
"""
    file.write_text(text.format("enforce"))
    assert run(["check", str(file)]) == 2
    assert "ai.lock: is not there. Run: tollway lock" in capsys.readouterr().err
    (tmp_path / "ai.lock").write_text(lock_text(Lock()))
    assert run(["check", str(file)]) == 2
    said = 'fleet.toml: routes.m: may ask "a/m", which is not in the lock. Run: tollway lock'
    assert said in capsys.readouterr().err
    file.write_text(text.format("flag"))
    assert run(["check", str(file)]) == 0
    assert f"warning: {said}" in capsys.readouterr().err
    locked(tmp_path, "m")
    file.write_text(text.format("enforce"))
    assert run(["check", str(file)]) == 0
    assert "warning" not in capsys.readouterr().err
