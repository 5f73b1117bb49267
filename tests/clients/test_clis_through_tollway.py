"""Each agent CLI does its task at a source of each dialect, through the gateway."""

from pathlib import Path

import pytest
from clis import BLUE, CLAUDE_CODE, CLIS, CODEX, DONE, GEMINI_CLI, RED, Cli, Place, do, transcript
from PIL import Image
from tollway_between import tollway_between
from transcripts import Turn, strings
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


@pytest.mark.parametrize(
    ("cli", "dialect"),
    [(CLAUDE_CODE, "openai"), (CODEX, "anthropic"), (GEMINI_CLI, "responses")],
    ids=lambda it: it.name if isinstance(it, Cli) else it,
)
async def test_an_image_that_a_tool_gave_reaches_a_source_of_another_dialect(
    cli: Cli, dialect: str, tmp_path: Path
) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    Image.new("RGB", (32, 32), "red").save(work / "a.png")
    script = {dialect: (Turn((cli.look(work / "a.png"),)), Turn((DONE,)))}
    async with tollway_between(tmp_path, script, {cli.model: dialect}) as between:
        place = Place(work, home, between.url, between.key, cli.model, between.network.url)
        ran = await do(cli, place)
    assert between.faults == {}
    assert ran.code == 0, ran
    asked, shown = between.sources[dialect].requests
    assert not any("iVBORw0KGgo" in text for text in strings(asked.body))
    assert any("iVBORw0KGgo" in text for text in strings(shown.body))
