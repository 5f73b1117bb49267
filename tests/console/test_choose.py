"""The Choose page asks and answers as `tollway choose` does, of what is stale too."""

import json
from pathlib import Path

import pytest
from own_fleet import FLEET, MODEL, scored, signed_in

from tollway.cli.app import run

HEAD = f'[models."{MODEL}"]\n'
SCORE = 'quality.any = { score = 71.2, margin = 1.5, of = "our evaluation" }\n'
FLEET = FLEET.replace(HEAD, HEAD + SCORE)
STALE = (
    "(provenance: stale: a source of your own was seen outside of the interval: see `tollway twin`)"
)


@pytest.mark.parametrize("days", [0, 3], ids=["believed", "stale"])
async def test_a_stale_speed_is_called_so_by_page_and_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int
) -> None:
    async with signed_in(tmp_path, FLEET) as (site, get):
        scored(site, days=days, observed=9.0)
        page = (await get("/choose", use="code", users="8", hour="2.5")).text
        argv = ["choose", str(site.fleet_file), "--use", "code", "--concurrency", "8"]
        code = run([*argv, "--price", "2.5", "--state", str(site.state), "--json"])
    assert code == 0
    (one,) = json.loads(capsys.readouterr().out)["candidates"]
    assert one["wait_s"]["origin"].startswith("predicted for h200 at 8 users (provenance: ")
    assert (STALE in one["wait_s"]["origin"]) is (days > 0)
    assert one["wait_s"]["origin"] in page
