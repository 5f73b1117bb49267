import asyncio

import msgspec
import pytest
from live_fleet import MODEL, LiveFleet, steady

from tollway.replay.answer import Answer


@pytest.mark.slow
async def test_a_source_killed_in_mid_replay_costs_nobody_an_answer_before_its_content(
    stopped_fleet: LiveFleet,
) -> None:
    # The source that will die is a process of its own, declared as an engine that one runs.
    emulated = 'kind = "emulated"\nlisten = "127.0.0.1:{}"\nchip = "h200"\ntp = 8\n'
    old = emulated.format(stopped_fleet.ports["h200"])
    url = f'kind = "server"\nurl = "{stopped_fleet.emulator("h200")}/v1"\n'
    stopped_fleet.replace(old, url)
    stopped_fleet.spread()
    listen = f"127.0.0.1:{stopped_fleet.ports['h200']}"
    flags = ("--model", MODEL, "--chip", "h200", "--tp", "8", "--listen", listen)
    doomed = await stopped_fleet.spawn("emulate", *flags)
    await stopped_fleet.start()
    await stopped_fleet.warp(5.0)
    player = stopped_fleet.player("killed")
    task = asyncio.create_task(player.play(steady(200, 0.02, made=60)))
    async with asyncio.timeout(20):
        while sum(s.source == "h200" for s in player.samples) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    doomed.kill()
    before = max(sample.sent + sample.latency for sample in player.samples)
    samples = await task
    assert len(samples) == 200
    failed = [sample for sample in samples if sample.outcome != "ok"]
    # Who had content from it is told so in words; nobody else notices.
    for sample in failed:
        assert (sample.source, sample.content) == ("h200", True), sample
        assert (sample.done, sample.reason) in {
            (False, "upstream_cut"),
            (False, "upstream_refused"),
        }
    later = [sample for sample in samples if sample.sent > before + 0.1]
    assert len(later) > 20
    assert {(sample.outcome, sample.source) for sample in later} <= {
        ("ok", "mi300x"),
        ("ok", "b200"),
    }
    rows = await stopped_fleet.settled(200, "killed")
    assert len(rows) == 200
    assert sum(row["outcome"] == "failed" for row in rows) == len(failed)


async def test_a_stream_that_breaks_after_content_ends_in_words_and_never_in_done(
    fleet: LiveFleet,
) -> None:
    for source in ("h200", "mi300x", "b200"):
        await fleet.tell(source, "fault", fault="cut-after=3")
    samples = await fleet.play(steady(6, 0.01))
    assert [(s.outcome, s.content, s.done) for s in samples] == [("failed", True, False)] * 6
    assert {s.reason for s in samples} == {"upstream_cut"}


async def test_a_source_that_fails_before_content_is_never_noticed(fleet: LiveFleet) -> None:
    await fleet.warp(10.0)
    await fleet.tell("h200", "fault", fault="error-first")
    await fleet.tell("mi300x", "fault", fault="http-503")
    samples = await fleet.play(steady(12, 0.3), pace=1.0)
    assert {(s.outcome, s.source) for s in samples} == {("ok", "b200")}


async def test_a_fleet_reloaded_during_traffic_disturbs_no_stream(fleet: LiveFleet) -> None:
    await fleet.warp(5.0)
    task = asyncio.create_task(fleet.play(steady(150, 0.02, made=60), "reload"))
    for change in range(4):
        await asyncio.sleep(0.5)
        slots = 200 + change
        fleet.file.write_text(fleet.text.replace("slots = 256", f"slots = {slots}"))
        code, _, err = await fleet.run("reload")
        assert code == 0, err
    samples = await task
    assert [s.outcome for s in samples] == ["ok"] * 150
    fleet.file.write_text(fleet.text.replace('chip = "h200"', 'chip = "h2000"'))
    code, _, err = await fleet.run("reload")
    assert code != 0
    assert "h2000" in err
    [sample] = await fleet.play(steady(1, 0.0))
    assert sample.outcome == "ok"


async def test_sigterm_lets_streams_end_that_can_within_the_drain_time(fleet: LiveFleet) -> None:
    player = fleet.player("drain")
    task = asyncio.create_task(player.play(steady(20, 0.0, made=150)))
    async with asyncio.timeout(10):
        while len(fleet.open_reservations()) < 20:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.01)
    assert await fleet.stop() == 0
    samples = await task
    assert [s.outcome for s in samples] == ["ok"] * 20
    rows = fleet.rows("drain")
    assert [row["outcome"] for row in rows] == ["completed"] * 20
    assert fleet.open_reservations() == []


async def test_an_answer_that_is_not_streamed_falls_back_too(fleet: LiveFleet) -> None:
    await fleet.warp(10.0)
    await fleet.tell("h200", "fault", fault="http-500")
    await fleet.tell("mi300x", "fault", fault="http-500")
    client, answer = fleet.client(), Answer(lambda: 0.0)
    message = {"role": "user", "content": "hello"}
    body = {"model": "chat", "messages": [message], "max_tokens": 5}
    await client.ask("POST", "/v1/chat/completions", answer, msgspec.json.encode(body))
    client.close()
    assert (answer.status, answer.headers["x-tollway-source"]) == (200, "b200")
    assert msgspec.json.decode(answer.body)["usage"]["completion_tokens"] == 5
