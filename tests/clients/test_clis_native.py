"""The scripted sources are what the agent CLIs take for their own, without a gateway in between."""

from pathlib import Path

import pytest
from clis import BLUE, CLIS, DONE, RED, Cli, Place, do, transcript
from scripted_source import closed_network, scripted
from wires import WIRES


@pytest.mark.parametrize("model", ["its own", "a route's name"])
@pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)
async def test_a_cli_does_the_task_at_its_own_provider(
    cli: Cli, model: str, tmp_path: Path
) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    asked = cli.model if model == "its own" else "coding"
    wire = WIRES[cli.api]
    async with scripted(wire, transcript(cli, work)) as source, closed_network() as network:
        place = Place(work, home, source.url, "secret", asked, network.url)
        ran = await do(cli, place)
    assert ran.code == 0, ran
    assert cli.said(ran.out) == DONE
    assert (work / "both.txt").read_text() == RED + BLUE
    assert source.faults == []
    assert {one.heard.model for one in source.asked if one.heard} == {asked}
    assert len(source.requests) == 3
    assert network.called == []
