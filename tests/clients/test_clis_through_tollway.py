"""Each agent CLI does its task at a source of each dialect, through the gateway."""

from pathlib import Path

import pytest
from clis import BLUE, CLIS, DONE, RED, Cli, Place, do, transcript
from tollway_between import tollway_between
from wires import WIRES


@pytest.mark.parametrize("dialect", WIRES)
@pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)
async def test_a_cli_does_the_task_at_a_source_of_any_dialect(
    cli: Cli, dialect: str, tmp_path: Path
) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    script = {dialect: transcript(cli, work)}
    async with tollway_between(tmp_path, script, {cli.model: dialect}) as between:
        place = Place(work, home, between.url, between.key, cli.model, between.network.url)
        ran = await do(cli, place)
    assert between.faults == {}
    assert ran.code == 0, ran
    assert cli.said(ran.out) == DONE
    assert (work / "both.txt").read_text() == RED + BLUE
    assert len(between.sources[dialect].requests) == 3
    assert between.network.called == []
    [row] = between.booked()
    assert (row.group, row.totals.requests) == ((dialect, "completed"), 3)
