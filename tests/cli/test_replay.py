import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tollway.cli.running import Running, start_of, write_running
from tollway.emulator.build import emulate
from tollway.emulator.server import start

# bpe-openai 0.1.4 opens its data the way that Python 3.11 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")

KEY = "tw_abcdefgh_" + "s" * 32


@pytest.fixture
async def engine() -> AsyncIterator[str]:
    """An emulated engine: what a gateway is to a client, but for keys, headers and usage."""
    emulator = emulate("llama-3.3-70b", "h200", 8)
    emulator.clock.factor = 50.0
    async with start(emulator) as url:
        yield url


def trace_file(folder: Path, count: int, gap_ms: int = 10) -> Path:
    path = folder / "trace.csv"
    rows = "".join(f"{index * gap_ms},{50 + index},5\n" for index in range(count))
    path.write_text("t_ms,input,output\n" + rows)
    return path


async def begin(*args: str, **environ: str) -> asyncio.subprocess.Process:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOLLWAY")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tollway", "replay", *args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**clean, "TOLLWAY_KEY": KEY, **environ},
    )


async def called(*args: str, **environ: str) -> tuple[int, str, str]:
    process = await begin(*args, **environ)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_table_goes_to_standard_output_and_the_words_beside_it(
    engine: str, tmp_path: Path
) -> None:
    args = ("--url", engine, "--route", "llama-3.3-70b", "--tag", "t1")
    code, out, err = await called(str(trace_file(tmp_path, 20)), *args)
    assert code == 0, err
    assert "TTFT p50 / p90 / p99" in out
    lines = {line[:24].strip(): line.split()[-1] for line in out.splitlines() if line.strip()}
    assert lines["requests"] == lines["ok"] == "20"
    assert lines["input tokens"].replace(",", "").isdigit()
    assert lines["output tokens"] == "100"
    assert "The load generator kept up" in err
    assert "20 requests over" in err


async def test_the_gateway_of_the_state_folder_is_asked_and_a_named_url_instead_of_it(
    engine: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    host, _, port = engine.removeprefix("http://").removesuffix("/v1").partition(":")
    started = start_of(os.getpid())
    assert started is not None
    me = (os.getpid(), started, host, int(port), "", "fleet.toml", 1.0)
    write_running(state, Running(*me))
    played = (str(trace_file(tmp_path, 3)), "--route", "llama-3.3-70b", "--json")
    code, out, err = await called(*played, "--state", str(state))
    assert code == 0, err
    assert json.loads(out)["url"] == f"http://{host}:{port}"
    code, _, err = await called(*played, "--state", str(state), "--url", "http://127.0.0.1:1")
    assert code == 2
    assert "127.0.0.1:1: no gateway answers there" in err


async def test_json_holds_the_same_numbers_and_names_what_was_played(
    engine: str, tmp_path: Path
) -> None:
    args = ("--url", engine, "--route", "llama-3.3-70b", "--json", "--limit", "5")
    code, out, _ = await called(str(trace_file(tmp_path, 20)), *args)
    told = json.loads(out)
    assert code == 0
    assert told["total"]["ok"] == 5
    assert told["total"]["cost"] is None
    assert told["tag"].startswith("trace.csv.")
    assert told["total"]["latency"]["p50"] >= told["total"]["ttft"]["p50"] > 0


async def test_requests_that_fail_make_exit_code_1(engine: str, tmp_path: Path) -> None:
    from tollway.replay.answer import Answer
    from tollway.replay.client import Client

    client = Client(engine)
    order = json.dumps({"fault": "http-500"}).encode()
    answer = Answer(lambda: 0.0)
    await client.ask("POST", "/emulator/fault", answer, order)
    client.close()
    assert answer.status == 200, answer.body
    args = ("--url", engine, "--route", "llama-3.3-70b")
    code, out, _ = await called(str(trace_file(tmp_path, 3)), *args)
    assert code == 1
    assert "Failed: " in out


async def test_an_interrupt_prints_what_is_done_so_far(engine: str, tmp_path: Path) -> None:
    args = ("--url", engine, "--route", "llama-3.3-70b", "--json")
    process = await begin(str(trace_file(tmp_path, 10_000)), *args)
    assert process.stderr is not None
    await asyncio.wait_for(process.stderr.readline(), 30)
    await asyncio.sleep(0.5)  # some requests, of the hundred seconds that the trace takes
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    told = json.loads(out)
    assert process.returncode == 130
    assert told["stopped"] is True
    assert 0 < told["total"]["requests"] < 10_000
    assert b"until it was stopped" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--url", "http://127.0.0.1:1"), "no gateway answers there (connect)"),
        (("--speed", "0"), "--speed is 0. It is between"),
        (("--limit", "0"), "--limit is 0"),
        (("--duration", "soon"), '--duration is "soon", not a duration'),
        (("--start", "1h"), "no request from 1h on"),
        (("--tag", "a b"), "--tag is 'a b'"),
        (("--key", KEY), "--key is not a reference to a secret (value not shown)"),
        (("--key", "env:NOT_SET_ANYWHERE"), "does not hold a key"),
        (("--url", "http://u:p@h/"), "holds a user, a query or a fragment (not shown)"),
    ],
)
async def test_what_cannot_be_played_is_one_line_with_the_mend(
    args: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, out, err = await called("azure-code", "--state", str(tmp_path), *args)
    assert code == 2
    assert said in err
    assert KEY not in err
    assert out == ""


async def test_a_route_that_the_key_may_not_use_is_named_with_those_it_may(engine: str) -> None:
    code, _, err = await called("azure-code", "--url", engine, "--route", "llama-3.3-70c")
    assert code == 2
    assert 'Did you mean "llama-3.3-70b"?' in err


async def test_warp_without_emulators_to_warp_says_so(tmp_path: Path) -> None:
    code, _, err = await called("azure-code", "--warp", "10", "--state", str(tmp_path))
    assert code == 2
    assert "Name the fleet file whose emulators run with --fleet" in err
