"""`tollway scan` reads what today's agent CLIs really leave behind: every answer, once."""

from pathlib import Path

import pytest
from clis import CLIS, DONE, TASK, Cli, Place, do, transcript
from scripted_source import closed_network, scripted
from transcripts import USED
from wires import WIRES

from tollway.hindsight.records import Gaps
from tollway.inspect.logfiles import find_logs
from tollway.inspect.logreading import Reading


@pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)
async def test_every_answer_of_a_cli_is_read_from_its_own_log(cli: Cli, tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    async with (
        scripted(WIRES[cli.api], transcript(cli, work)) as source,
        closed_network() as network,
    ):
        place = Place(work, home, source.url, "secret", cli.model, network.url)
        ran = await do(cli, place)
    assert ran.code == 0, ran
    gaps = Gaps()
    reading = Reading(gaps)
    reading.read(find_logs((), home, {}, gaps), lambda more: None)
    calls = reading.calls()
    assert list(gaps) == []
    assert len(calls) == len(source.requests) == 3
    assert {call.model for call in calls} == {cli.model}
    assert {(call.input, call.cached, call.output) for call in calls} == {
        (USED.input, USED.cached, USED.output)
    }
    assert any(call.took for call in calls)
    assert len({call.thread for call in calls}) == 1
    assert TASK not in repr(calls)
    assert DONE not in repr(calls)
